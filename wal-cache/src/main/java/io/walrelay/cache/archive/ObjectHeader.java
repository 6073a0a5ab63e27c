package io.walrelay.cache.archive;

import io.walrelay.cache.archive.ObjectIdentity.Checksum;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What stands in front of an object that is compressed or encrypted. It has the form of a skippable frame, so that the programs of zstd and
 * lz4 pass over it.
 *
 * <pre>
 *   int4 LE  0x184D2A57, one of the magic numbers of skippable frames (RFC 8878, 3.1.2)
 *   int4 LE  length of what follows
 *            text, a line each: walrelay-object 1, then name and value separated by a space
 * </pre>
 *
 * @param key the id of the key that it is encrypted with, if it is
 */
record ObjectHeader(ObjectIdentity identity, Compression compression, Optional<String> key) {

    private static final int MAGIC = 0x184D2A57;
    private static final int FRAME = 8;
    private static final int LONGEST = 4096;
    private static final String FIRST_LINE = "walrelay-object 1";

    byte[] bytes() {
        Checksum content = identity.content();
        String text = String.join(
                "\n",
                FIRST_LINE,
                "system " + identity.system(),
                "lineage " + identity.lineage(),
                "name " + identity.name(),
                "length " + content.length(),
                "crc32c %08x".formatted(content.crc32c()),
                "sha256 " + content.sha256(),
                "compression " + compression,
                "encryption " + key.map(id -> Encryption.NAME + ":" + id).orElse("none"),
                "");
        byte[] body = text.getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocate(FRAME + body.length).order(ByteOrder.LITTLE_ENDIAN).putInt(MAGIC).putInt(body.length).put(body).array();
    }

    /**
     * Reads the header in front of {@code in}, if there is one.
     *
     * @param in supports mark; left behind the header, or where it was when there is none
     * @throws DamagedObjectException when it begins like one and is none
     */
    static Optional<ObjectHeader> read(InputStream in) throws IOException {
        in.mark(FRAME);
        ByteBuffer frame = ByteBuffer.wrap(in.readNBytes(FRAME)).order(ByteOrder.LITTLE_ENDIAN);
        if (frame.capacity() < FRAME || frame.getInt() != MAGIC) {
            in.reset();
            return Optional.empty();
        }
        int length = frame.getInt();
        if (length < 0 || length > LONGEST) {
            throw new DamagedObjectException("its header claims %s bytes; expected at most %d".formatted(Integer.toUnsignedString(length), LONGEST));
        }
        byte[] body = in.readNBytes(length);
        if (body.length < length) {
            throw new DamagedObjectException("it ends inside its header");
        }
        return Optional.of(parse(new String(body, StandardCharsets.US_ASCII)));
    }

    private static ObjectHeader parse(String text) throws DamagedObjectException {
        String[] lines = text.split("\n", -1);
        if (!lines[0].equals(FIRST_LINE)) {
            throw new DamagedObjectException("its header begins with \"%s\"; expected \"%s\"".formatted(lines[0], FIRST_LINE));
        }
        Map<String, String> values = new LinkedHashMap<>();
        for (String line : lines) {
            String[] parts = line.split(" ", 2);
            if (parts.length == 2) {
                values.put(parts[0], parts[1]);
            }
        }
        try {
            Checksum content = new Checksum(
                    Long.parseLong(value(values, "length")), Integer.parseUnsignedInt(value(values, "crc32c"), 16), value(values, "sha256"));
            String encryption = value(values, "encryption");
            return new ObjectHeader(
                    new ObjectIdentity(value(values, "system"), value(values, "lineage"), value(values, "name"), content),
                    Compression.named(value(values, "compression")),
                    encryption.startsWith(Encryption.NAME + ":") ? Optional.of(encryption.substring(Encryption.NAME.length() + 1)) : none(encryption));
        } catch (IllegalArgumentException e) {
            throw new DamagedObjectException("its header is not one: " + e.getMessage(), e);
        }
    }

    private static Optional<String> none(String encryption) {
        if (!encryption.equals("none")) {
            throw new IllegalArgumentException("encryption \"%s\"; expected none or %s".formatted(encryption, Encryption.NAME));
        }
        return Optional.empty();
    }

    private static String value(Map<String, String> values, String name) {
        String value = values.get(name);
        if (value == null) {
            throw new IllegalArgumentException("it has no line \"%s\"".formatted(name));
        }
        return value;
    }
}
