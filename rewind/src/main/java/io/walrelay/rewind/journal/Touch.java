package io.walrelay.rewind.journal;

/**
 * What of a data directory is about to change. Paths are relative to the directory, with {@code /}, and may lead through links
 * such as {@code pg_tblspc/16384} and {@code pg_wal}; the last name is never followed.
 */
public sealed interface Touch {

    String path();

    /**
     * Bytes of an existing file are overwritten; what lies past its end makes it longer.
     *
     * @param offset in bytes
     * @param length in bytes
     */
    record Bytes(String path, long offset, long length) implements Touch {
        public Bytes {
            if (offset < 0 || length < 0) {
                throw new IllegalArgumentException("bytes %d to %d of %s".formatted(offset, offset + length, path));
            }
        }
    }

    /**
     * A file is cut.
     *
     * @param length in bytes, that is left
     */
    record Length(String path, long length) implements Touch {
        public Length {
            if (length < 0) {
                throw new IllegalArgumentException("length %d of %s".formatted(length, path));
            }
        }
    }

    /** A name is made, removed or given to something else, with all that is below it. */
    record Name(String path) implements Touch {}

    /** Permissions of a file or directory change; {@code ""} is the data directory itself. */
    record Mode(String path) implements Touch {}
}
