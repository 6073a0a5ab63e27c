package io.walrelay.cache.storage;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.time.Instant;
import java.util.List;

/**
 * The relay's data directory. Paths are relative to it, with {@code /}.
 *
 * <p>The promise about power loss is POSIX's and no more: what a file holds is durable after {@link File#sync}, that a file
 * has its name (created, renamed, deleted) only after {@link #syncDirectory} of the directory. Nothing is ordered otherwise.
 *
 * <p>Drivers are thread-safe. A missing file is a {@link java.nio.file.NoSuchFileException}, one that should not exist yet a
 * {@link java.nio.file.FileAlreadyExistsException}; every other {@link IOException} means that the disk could not be asked.
 */
public interface Storage {

    /** An open file. Positions are byte offsets; reads and writes name theirs, so that any thread may use it. */
    interface File extends Closeable {

        /** Writes all of {@code bytes} at {@code offset}. */
        void write(ByteBuffer bytes, long offset) throws IOException;

        /**
         * Takes room for {@code bytes} from the beginning on, so that a full disk shows now: writing there needs none any more. What was
         * never written reads as zeros.
         */
        void reserve(long bytes) throws IOException;

        /** Fills {@code into} from {@code offset} as far as the file goes; returns the number of bytes, 0 at its end. */
        int read(ByteBuffer into, long offset) throws IOException;

        /** Makes the content durable (fdatasync). When it fails, what was written since the last success is unknown for ever. */
        void sync() throws IOException;

        long size() throws IOException;

        /** For sendfile. The file closes it. */
        FileChannel channel();

        @Override
        void close() throws IOException;
    }

    void createDirectory(String path) throws IOException;

    /** The names in a directory, files' and directories', not their paths, in no order; empty when there is no such directory. */
    List<String> list(String directory) throws IOException;

    /** A new, empty file for reading and writing. */
    File create(String path) throws IOException;

    /** An existing file for reading and writing. */
    File open(String path) throws IOException;

    boolean exists(String path) throws IOException;

    /** Gives a file another name, also in another directory; replaces a file that has it. Durable once both directories are synced. */
    void rename(String from, String to) throws IOException;

    void delete(String path) throws IOException;

    Instant lastModified(String path) throws IOException;

    void syncDirectory(String path) throws IOException;

    /** Bytes that may still be written before the disk is full. */
    long freeBytes() throws IOException;
}
