package io.walrelay.rewind.journal;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/**
 * The file systems that a data directory lies on. Paths are absolute; links in the middle of one are followed, the last name never is.
 *
 * <p>The promise about power loss is POSIX's and no more: content, length and mode of a file are durable after {@link File#sync}, a name
 * (made, given, removed) and a directory's mode only after {@link #syncDirectory} of the directory. Nothing is ordered otherwise; a rename
 * happens whole or not at all.
 *
 * <p>A missing file is a {@link java.nio.file.NoSuchFileException}, one that should not exist a
 * {@link java.nio.file.FileAlreadyExistsException}.
 */
interface Disk {

    /** An open file; positions are byte offsets. */
    interface File extends Closeable {

        /** Writes all of {@code bytes} at {@code offset}. */
        void write(ByteBuffer bytes, long offset) throws IOException;

        /** Fills {@code into} from {@code offset} as far as the file goes; returns the number of bytes, 0 at its end. */
        int read(ByteBuffer into, long offset) throws IOException;

        /** Cuts the file, if it is longer than {@code length} bytes. */
        void truncate(long length) throws IOException;

        long size() throws IOException;

        /** Makes content, length and mode durable (fsync). When it fails, what was written since the last success is unknown for ever. */
        void sync() throws IOException;

        @Override
        void close() throws IOException;
    }

    /** What has a name. */
    enum Kind {
        FILE,
        DIRECTORY,
        LINK,
        OTHER
    }

    /**
     * What is known of a name.
     *
     * @param size in bytes, of a file
     * @param mode of a file or directory
     */
    record Attributes(Kind kind, long size, Set<PosixFilePermission> mode, FileTime modified) {}

    /** The directory in which a name is; every path here but the root's has one. */
    static Path parentOf(Path path) {
        return Objects.requireNonNull(path.getParent(), path::toString);
    }

    /** Empty when nothing has that name. */
    Optional<Attributes> look(Path path) throws IOException;

    /** The paths of what is in a directory, in no order. */
    List<Path> list(Path directory) throws IOException;

    /** A new, empty file for reading and writing. */
    File create(Path path, Set<PosixFilePermission> mode) throws IOException;

    /** An existing file for reading and writing. */
    File open(Path path) throws IOException;

    /**
     * As {@link #open}, for what is written in pieces that are whole blocks of the file system and lie in memory as such, and is hardly read: past the page
     * cache, where that can be. To copy it there would take as long as to write it.
     */
    default File openForBlocks(Path path) throws IOException {
        return open(path);
    }

    /** An existing file for reading and {@link File#sync}. */
    File openToRead(Path path) throws IOException;

    void createDirectory(Path path, Set<PosixFilePermission> mode) throws IOException;

    void createLink(Path path, Path target) throws IOException;

    Path linkTarget(Path link) throws IOException;

    /**
     * Gives a file, directory or link another name, in place of a file, link or empty directory that has it.
     *
     * @throws java.nio.file.AtomicMoveNotSupportedException the names lie on different file systems or mounts
     */
    void rename(Path from, Path to) throws IOException;

    /** Gives a file another name besides the one that it has. */
    void link(Path file, Path another) throws IOException;

    /** Removes a file, a link or an empty directory. */
    void delete(Path path) throws IOException;

    void setMode(Path path, Set<PosixFilePermission> mode) throws IOException;

    void setModified(Path path, FileTime time) throws IOException;

    /** Makes files durable, as {@link File#sync} does, several at a time. */
    void syncFiles(Collection<Path> files) throws IOException;

    /** As {@link #syncFiles}, by another thread where that can be. Those that are gone by then need nothing. */
    default Future<?> beginSync(Collection<Path> files) throws IOException {
        List<Path> there = new ArrayList<>();
        for (Path file : files) {
            if (look(file).isPresent()) {
                there.add(file);
            }
        }
        syncFiles(there);
        return CompletableFuture.completedFuture(null);
    }

    void syncDirectory(Path directory) throws IOException;

    /** Where an existing path leads once all links are followed. */
    Path real(Path path) throws IOException;

    /** What is equal for paths whose room is shared, with the name that an operator knows it by. */
    Object fileSystem(Path path) throws IOException;

    /** Bytes that may still be written where {@code path} lies. */
    long freeBytes(Path path) throws IOException;
}
