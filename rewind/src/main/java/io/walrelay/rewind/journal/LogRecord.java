package io.walrelay.rewind.journal;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Set;

/** What the log says of how something was at the beginning. Paths are real ones: no link leads elsewhere when they are used again. */
sealed interface LogRecord {

    /** A file that is changed where it is. Its old bytes follow as far as they are overwritten or cut off. */
    record InPlace(Path path, long length, Set<PosixFilePermission> mode, FileTime modified) implements LogRecord {}

    /** Old bytes of a file, at an offset. {@code bytes} is good until the next record is read. */
    record OldBytes(Path path, long offset, ByteBuffer bytes) implements LogRecord {}

    /** A name whose holder is moved out of the way. It was, if something is found {@code at} that place; else it is where it ever was. */
    record Kept(Path path, Path at) implements LogRecord {}

    /** A file that was moved out of the way ({@link Kept}) and of which a changed copy gets the name. */
    record Rebuilt(Path path) implements LogRecord {}

    /** A name that nothing had. */
    record Absent(Path path) implements LogRecord {}

    record DirectoryMode(Path path, Set<PosixFilePermission> mode) implements LogRecord {}

    /** A directory beside one on another file system, for what is moved out of the way there. */
    record Store(Path path) implements LogRecord {}

    Path path();

    /** Bytes that a record takes at most, without old bytes. */
    static int overhead(LogRecord record) {
        return 64 + 4 * record.path().toString().length() + (record instanceof Kept(Path _, Path at) ? 4 * at.toString().length() : 0);
    }

    /** Writes a record. */
    static void encode(LogRecord record, ByteBuffer into) {
        switch (record) {
            case InPlace(Path path, long length, var mode, FileTime modified) -> {
                putPath(into.put((byte) 1), path);
                putTime(into.putLong(length).putShort(bits(mode)), modified);
            }
            case OldBytes(Path path, long offset, ByteBuffer bytes) -> putOldBytes(into, path, offset, bytes.remaining()).put(bytes);
            case Kept(Path path, Path at) -> putPath(putPath(into.put((byte) 3), path), at);
            case Absent(Path path) -> putPath(into.put((byte) 4), path);
            case DirectoryMode(Path path, var mode) -> putPath(into.put((byte) 5), path).putShort(bits(mode));
            case Store(Path path) -> putPath(into.put((byte) 6), path);
            case Rebuilt(Path path) -> putPath(into.put((byte) 7), path);
        }
    }

    /** Writes {@link OldBytes} up to the bytes, of which {@code length} have to follow. */
    static ByteBuffer putOldBytes(ByteBuffer into, Path path, long offset, int length) {
        return putPath(into.put((byte) 2), path).putLong(offset).putInt(length);
    }

    /** Reads a record. Its buffer has been proved by its checksum: anything else in it is an error of this program. */
    static LogRecord decode(ByteBuffer from) {
        byte type = from.get();
        return switch (type) {
            case 1 -> new InPlace(getPath(from), from.getLong(), mode(from.getShort()), getTime(from));
            case 2 -> {
                Path path = getPath(from);
                long offset = from.getLong();
                int length = from.getInt();
                ByteBuffer bytes = from.slice(from.position(), length);
                from.position(from.position() + length);
                yield new OldBytes(path, offset, bytes);
            }
            case 3 -> new Kept(getPath(from), getPath(from));
            case 4 -> new Absent(getPath(from));
            case 5 -> new DirectoryMode(getPath(from), mode(from.getShort()));
            case 6 -> new Store(getPath(from));
            case 7 -> new Rebuilt(getPath(from));
            default -> throw new IllegalStateException("a record of type " + type);
        };
    }

    static ByteBuffer putPath(ByteBuffer into, Path path) {
        byte[] bytes = path.toString().getBytes(StandardCharsets.UTF_8);
        return into.putInt(bytes.length).put(bytes);
    }

    static Path getPath(ByteBuffer from) {
        byte[] bytes = new byte[from.getInt()];
        from.get(bytes);
        return Path.of(new String(bytes, StandardCharsets.UTF_8));
    }

    static void putTime(ByteBuffer into, FileTime time) {
        into.putLong(time.toInstant().getEpochSecond()).putInt(time.toInstant().getNano());
    }

    static FileTime getTime(ByteBuffer from) {
        return FileTime.from(Instant.ofEpochSecond(from.getLong(), from.getInt()));
    }

    /** As in stat.h: 0400 is the owner's reading. */
    static short bits(Set<PosixFilePermission> mode) {
        int bits = 0;
        for (PosixFilePermission permission : PosixFilePermission.values()) {
            bits = bits << 1 | (mode.contains(permission) ? 1 : 0);
        }
        return (short) bits;
    }

    static Set<PosixFilePermission> mode(short bits) {
        Set<PosixFilePermission> mode = EnumSet.noneOf(PosixFilePermission.class);
        int mask = 0400;
        for (PosixFilePermission permission : PosixFilePermission.values()) {
            if ((bits & mask) != 0) {
                mode.add(permission);
            }
            mask >>= 1;
        }
        return mode;
    }
}
