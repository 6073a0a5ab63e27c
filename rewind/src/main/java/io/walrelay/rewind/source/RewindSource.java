package io.walrelay.rewind.source;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.FileEntry;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * The server that another becomes equal to (pg_rewind: rewind_source.h). Nothing is ever written on it. Files may change while they are
 * read, but for a stopped one's: what is torn or too old WAL mends, from the replay start on.
 *
 * <p>"Not there" is a value or a {@link Sink#absent}, "could not look" an {@link IOException}. Confined to one thread, which the
 * sink is called on, but for {@link #files}.
 */
public interface RewindSource extends Closeable {

    /**
     * Bytes of a file that are wanted.
     *
     * @param length in bytes; what the file has not is not an error
     * @param whole whether this is the whole file, which may be longer by now than {@code length}
     */
    record Fetch(String path, long offset, long length, boolean whole) {}

    /** Who takes what was fetched. */
    interface Sink {

        /** Once, before all else: what has to be done first can be done while the first bytes are on their way. */
        default void prepare() throws IOException {
            // Most are ready.
        }

        /** Some bytes of a fetch; those of one file in any order, each once. */
        void bytes(String path, long offset, ByteBuffer bytes) throws IOException;

        /** There is no such file any more. May be said several times. */
        void absent(String path) throws IOException;
    }

    /** How far WAL has to be replayed over what was copied. */
    record ReplayEnd(Lsn position, TimelineId timeline) {}

    /** For messages: what it is and where. */
    String describe();

    /**
     * Whether it can be a source. Asked first.
     *
     * @throws RefusedException it can't
     */
    void check() throws IOException, RefusedException;

    /** Whether it runs, so that its files may change. */
    boolean isRunning();

    /** All files of its data directory, links followed where PostgreSQL has them. In no order. May be asked by another thread while small files are read. */
    List<FileEntry> files() throws IOException;

    /** A whole small file; empty when there is none. */
    Optional<byte[]> read(String path) throws IOException;

    /** {@code length} bytes of a file, fewer at its end; empty when there is none. */
    Optional<byte[]> read(String path, long offset, int length) throws IOException;

    /**
     * Fetches, as many at once as it can.
     *
     * @throws IOException what the sink threw, or that something could not be fetched
     * @throws RefusedException a stopped source changes
     */
    void fetch(List<Fetch> wanted, Sink sink) throws IOException, RefusedException;

    /**
     * Asked after everything was fetched.
     *
     * @param before the control file as it was read at the beginning
     * @param after as it is now
     */
    ReplayEnd replayEnd(ControlFile before, ControlFile after) throws IOException, RefusedException;
}
