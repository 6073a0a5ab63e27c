package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/**
 * A small durable file: damage is told from absence.
 *
 * <pre>
 *   magic   8 bytes   what the file is
 *   version int4
 *   length  int4      of the body
 *   body
 *   crc     int4      CRC-32C of all before it
 * </pre>
 *
 * @param magic 8 ASCII characters
 */
record StateFile(String magic, int version) {

    private static final int OVERHEAD = 20;

    ByteBuffer encode(ByteBuffer body) {
        int length = body.remaining();
        ByteBuffer content = ByteBuffer.allocate(length + OVERHEAD);
        content.put(magic.getBytes(StandardCharsets.US_ASCII)).putInt(version).putInt(length).put(body);
        return content.putInt(crc(content.duplicate().flip())).flip();
    }

    /**
     * The body of a file.
     *
     * @param name for the error
     * @throws IOException it is damaged, or something else
     */
    ByteBuffer decode(String name, ByteBuffer content) throws IOException {
        ByteBuffer expectedMagic = ByteBuffer.wrap(magic.getBytes(StandardCharsets.US_ASCII));
        if (content.remaining() < OVERHEAD || !content.slice(content.position(), 8).equals(expectedMagic)) {
            throw new IOException("%s is not a %s file".formatted(name, magic));
        }
        int start = content.position();
        int end = content.limit() - 4;
        if (content.getInt(start + 8) != version) {
            throw new IOException("%s has format version %d; expected %d".formatted(name, content.getInt(start + 8), version));
        }
        if (content.getInt(start + 12) != content.remaining() - OVERHEAD) {
            throw new IOException("%s says that its body has %d bytes, but has %d"
                    .formatted(name, content.getInt(start + 12), content.remaining() - OVERHEAD));
        }
        int expected = crc(content.duplicate().limit(end));
        if (content.getInt(end) != expected) {
            throw new IOException("%s has checksum %08X; expected %08X".formatted(name, content.getInt(end), expected));
        }
        return content.slice(start + 16, end - start - 16);
    }

    private static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }
}
