package io.walrelay.cache.storage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * The one recipe for small durable state. A file is either as it was before or as it is after a write, whenever the power
 * fails, and one that was damaged is told from one that was never there.
 *
 * <pre>
 *   magic   8 bytes   what the file is
 *   version int4
 *   length  int4      of the body
 *   body
 *   crc     int4      CRC-32C of all before it
 * </pre>
 */
public final class DurableFiles {

    private static final int OVERHEAD = 20;
    private static final String TEMPORARY = ".tmp";

    private final Storage storage;

    public DurableFiles(Storage storage) {
        this.storage = storage;
    }

    /**
     * What a file is and how its body is laid out.
     *
     * @param magic 8 ASCII characters
     * @param version that is written
     * @param oldest version that is read
     */
    public record Format(String magic, int version, int oldest) {

        /** One of which no other version is read. */
        public Format(String magic, int version) {
            this(magic, version, version);
        }

        public Format {
            if (magic.length() != 8) {
                throw new IllegalArgumentException("a magic of %d characters: \"%s\"; expected 8".formatted(magic.length(), magic));
            }
        }

        private long magicBytes() {
            long bytes = 0;
            for (int i = 0; i < 8; i++) {
                bytes = bytes << 8 | (magic.charAt(i) & 0xFF);
            }
            return bytes;
        }
    }

    /** A body with the version that it is laid out in. */
    @SuppressWarnings("ArrayRecordComponent") // Handed to whoever parses it, and compared by nobody.
    public record Stored(int version, byte[] body) {}

    /** Replaces {@code path} (temporary name, fsync, rename, fsync of the directory). Durable when it returns. */
    public void write(String path, Format format, byte[] body) throws IOException {
        writeBytes(path, framed(format, body));
    }

    /**
     * As {@link #write}, without waiting for the disk, for what can be made again: after a power loss the file may be damaged, which is found when it
     * is read, or not be there.
     */
    public void writeUnsynced(String path, Format format, byte[] body) throws IOException {
        String temporary = path + TEMPORARY;
        createTemporary(temporary, framed(format, body), false);
        storage.rename(temporary, path);
    }

    private static ByteBuffer framed(Format format, byte[] body) {
        ByteBuffer content = ByteBuffer.allocate(body.length + OVERHEAD);
        content.putLong(format.magicBytes()).putInt(format.version).putInt(body.length).put(body);
        return content.putInt(crc(content.array(), content.position())).flip();
    }

    /** As {@link #write}, for a file whose bytes are somebody else's format: a timeline history as upstream sent it. */
    public void writePlain(String path, byte[] bytes) throws IOException {
        writeBytes(path, ByteBuffer.wrap(bytes));
    }

    private void writeBytes(String path, ByteBuffer content) throws IOException {
        String temporary = path + TEMPORARY;
        createTemporary(temporary, content, true);
        storage.rename(temporary, path);
        storage.syncDirectory(directoryOf(path));
    }

    private void createTemporary(String temporary, ByteBuffer content, boolean sync) throws IOException {
        if (storage.exists(temporary)) {
            storage.delete(temporary);
        }
        try (Storage.File file = storage.create(temporary)) {
            file.write(content, 0);
            if (sync) {
                file.sync();
            }
        }
    }

    /** As {@link #readStored}, of a format with one version. */
    public Optional<byte[]> read(String path, Format format) throws IOException {
        return readStored(path, format).map(Stored::body);
    }

    /**
     * The body of {@code path}; empty when there is no such file.
     *
     * @throws DamagedFileException when it is not of this format or its checksum is wrong
     */
    public Optional<Stored> readStored(String path, Format format) throws IOException {
        Optional<byte[]> bytes = readPlain(path);
        if (bytes.isEmpty()) {
            return Optional.empty();
        }
        ByteBuffer content = ByteBuffer.wrap(bytes.get());
        if (content.capacity() < OVERHEAD || content.getLong() != format.magicBytes()) {
            throw new DamagedFileException("%s is not a %s file".formatted(path, format.magic));
        }
        int version = content.getInt();
        if (version < format.oldest || version > format.version) {
            String expected = format.oldest == format.version ? "%d".formatted(format.version) : "%d to %d".formatted(format.oldest, format.version);
            throw new DamagedFileException("%s has format version %d; expected %s".formatted(path, version, expected));
        }
        int length = content.getInt();
        if (length != content.capacity() - OVERHEAD) {
            throw new DamagedFileException("%s says that its body has %d bytes, but has %d".formatted(path, length, content.capacity() - OVERHEAD));
        }
        int expected = crc(content.array(), content.capacity() - 4);
        int found = content.getInt(content.capacity() - 4);
        if (found != expected) {
            throw new DamagedFileException("%s has checksum %08X; expected %08X".formatted(path, found, expected));
        }
        byte[] body = new byte[length];
        content.get(body);
        return Optional.of(new Stored(version, body));
    }

    /** Whether {@code path} begins as a file of this format does; the rest is not looked at. */
    public boolean beginsAs(String path, Format format) throws IOException {
        try (Storage.File file = storage.open(path)) {
            ByteBuffer head = ByteBuffer.allocate(OVERHEAD);
            file.read(head, 0);
            head.flip();
            if (head.remaining() < OVERHEAD || head.getLong() != format.magicBytes()) {
                return false;
            }
            int version = head.getInt();
            return version >= format.oldest && version <= format.version;
        }
    }

    /** All bytes of {@code path}; empty when there is no such file. */
    public Optional<byte[]> readPlain(String path) throws IOException {
        try (Storage.File file = storage.open(path)) {
            ByteBuffer content = ByteBuffer.allocate(Math.toIntExact(file.size()));
            file.read(content, 0);
            return Optional.of(content.array());
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /** Whether {@code name} is what an interrupted write left behind. */
    public static boolean isTemporary(String name) {
        return name.endsWith(TEMPORARY);
    }

    private static String directoryOf(String path) {
        int slash = path.lastIndexOf('/');
        return slash < 0 ? "" : path.substring(0, slash);
    }

    private static int crc(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }

    /** A state file that can't be trusted. The message names the file and what is wrong with it. */
    public static final class DamagedFileException extends IOException {
        private static final long serialVersionUID = 1;

        DamagedFileException(String message) {
            super(message);
        }
    }
}
