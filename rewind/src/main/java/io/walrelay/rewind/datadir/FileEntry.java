package io.walrelay.rewind.datadir;

import java.util.Optional;

/**
 * A file of a data directory.
 *
 * @param path relative to the data directory, with {@code /}; never absolute, never with {@code ..}
 * @param size in bytes, when it was looked at; of a regular file
 * @param linkTarget of a symbolic link
 */
public record FileEntry(String path, Kind kind, long size, Optional<String> linkTarget) {

    /** What it is. Sockets and the like are none of a data directory's files. */
    public enum Kind {
        REGULAR,
        DIRECTORY,
        SYMLINK
    }

    public static FileEntry regular(String path, long size) {
        return new FileEntry(path, Kind.REGULAR, size, Optional.empty());
    }

    public static FileEntry directory(String path) {
        return new FileEntry(path, Kind.DIRECTORY, 0, Optional.empty());
    }

    public static FileEntry link(String path, String target) {
        return new FileEntry(path, Kind.SYMLINK, 0, Optional.of(target));
    }

    /** The last part of the path. */
    public String name() {
        return path.substring(path.lastIndexOf('/') + 1);
    }
}
