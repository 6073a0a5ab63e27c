package io.walrelay.rewind.journal;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Collection;
import java.util.Optional;
import java.util.Set;

/**
 * One change of a stopped data directory, all of it or nothing, whatever kills the process or the machine meanwhile.
 *
 * <pre>
 *   begin ──▶ announce, overwrite, truncate, replace … ──▶ commit     the change is durable
 *     ▲               │           │                 └────▶ undo       the directory is byte for byte as it was
 *   resume ◀── kill ──┘           └──▶ close                         half done; servers refuse to start, see Sentinel
 * </pre>
 *
 * <p>Between begin and commit {@code postgresql.auto.conf} belongs to this class; its final content is given to {@link #commit}. So does
 * {@code postmaster.pid}. What was there before is durable in the journal before it changes, for which each operation waits, unless it
 * was announced: {@link #announce} many, and they cost one fsync together.
 *
 * <p>After {@link #resume} the operations may be done again, all or others: what the journal holds already is what was there
 * at the very beginning, and stays. The directory may then be in any state between old and new, so an operation must not rely on what an
 * earlier run did: whole files are replaced, not gone on with.
 *
 * <p>Any failure leaves it to the caller to {@link #undo}, or to close and resume later. Confined to one thread.
 */
public final class DirectoryChange implements Closeable {

    private DirectoryChange() {}

    /** What is left of an earlier change. Only looks: for a dry run. */
    public static Leftover leftover(Path directory) throws IOException {
        throw new UnsupportedOperationException();
    }

    /**
     * Takes the directory: checks the space, makes the journal, keeps servers from starting.
     *
     * @param directory PGDATA
     * @param plan what {@link #plan} gives back after a {@link #resume}
     * @throws NotStoppedException a server runs on it, or another change
     * @throws NotEnoughSpaceException nothing was touched
     * @throws UnfinishedChangeException {@link #resume} first
     */
    public static DirectoryChange begin(Path directory, byte[] plan, Space space) throws IOException {
        throw new UnsupportedOperationException();
    }

    /**
     * Takes the directory up again where an earlier change left it.
     *
     * @return empty when there is nothing to resume; what was left of a finished change is gone then
     * @throws NotStoppedException a server runs on it, or another change
     */
    public static Optional<DirectoryChange> resume(Path directory) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** As given to {@link #begin}, by whichever run began. */
    public byte[] plan() {
        throw new UnsupportedOperationException();
    }

    /** {@code postgresql.auto.conf} as it was at the beginning; empty when there was none. */
    public Optional<byte[]> configuration() {
        throw new UnsupportedOperationException();
    }

    /**
     * Makes what {@code touches} name durable in the journal with one fsync, so that the operations on them need not wait. Best a few
     * hundred megabytes at a time, each file's blocks in order: neighbours are read at once. What is already held costs nothing.
     */
    public void announce(Collection<? extends Touch> touches) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** Writes all of {@code bytes} at {@code offset} of an existing file. */
    public void overwrite(String path, long offset, ByteBuffer bytes) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** Cuts a file that is longer than {@code length} bytes. */
    public void truncate(String path, long length) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** A new, empty file under a name that anything may have had, to be filled and closed before the next operation. */
    public NewFile replace(String path, Set<PosixFilePermission> mode) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** Makes a directory; keeps one that is there. Its parent must exist. */
    public void createDirectory(String path, Set<PosixFilePermission> mode) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** Makes a symbolic link, in the place of whatever has the name. */
    public void createLink(String path, Path target) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** Removes a file, a link, or a directory with all that is in it; nothing, when there is none. */
    public void remove(String path) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** @param path {@code ""} is the data directory itself */
    public void setMode(String path, Set<PosixFilePermission> mode) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** Makes what was done so far durable, so that there is less to do for {@link #commit}. */
    public void sync() throws IOException {
        throw new UnsupportedOperationException();
    }

    /**
     * Makes all that was changed durable, then lets servers start, then removes the journal. When it returns or fails after the rename of
     * {@code postgresql.auto.conf}, the change is done; else {@link #undo} is still possible.
     *
     * @param configuration the final {@code postgresql.auto.conf}
     */
    public void commit(byte[] configuration) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** Puts everything back as it was, by this and earlier runs, and removes the journal. A kill meanwhile leaves something to resume. */
    public void undo() throws IOException {
        throw new UnsupportedOperationException();
    }

    /** Lets go of the directory. Without {@link #commit} or {@link #undo} it stays half changed, for {@link #resume}. */
    @Override
    public void close() throws IOException {
        throw new UnsupportedOperationException();
    }

    /** A file that {@link #replace} made. */
    public interface NewFile extends Closeable {

        /** Appends all of {@code bytes}. */
        void write(ByteBuffer bytes) throws IOException;

        @Override
        void close() throws IOException;
    }
}
