package io.walrelay.rewind.source;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.ClusterState;
import io.walrelay.rewind.datadir.DataDirectory;
import io.walrelay.rewind.datadir.FileEntry;
import io.walrelay.rewind.datadir.PgWal;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.WalElsewhere;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.Leftover;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.WalEnd;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;

/** The data directory of a server that is stopped (pg_rewind: local_source.c). */
public final class DirectorySource implements RewindSource {

    private static final int CHUNK = 1 << 20;

    private final DataDirectory directory;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(CHUNK);

    public DirectorySource(Path directory) {
        this.directory = new DataDirectory(directory);
    }

    @Override
    public String describe() {
        return "data directory " + directory;
    }

    /** Its control file may say that it was shut down cleanly while a server starts on it, and when an earlier rewind of it is half done. */
    @Override
    public void check() throws IOException, RefusedException {
        DirectoryChange.requireStopped(directory.path());
        if (DirectoryChange.leftover(directory.path(), Optional.empty()) == Leftover.UNFINISHED) {
            throw new RefusedException("the source, %s, is half changed by an earlier rewind".formatted(describe()),
                    "Finish that first, or put it back: walrelay rewind -D %s --undo".formatted(directory));
        }
    }

    @Override
    public boolean isRunning() {
        return false;
    }

    @Override
    public List<FileEntry> files() throws IOException {
        return directory.files();
    }

    @Override
    public Optional<byte[]> read(String path) throws IOException {
        return directory.readIfThere(path);
    }

    @Override
    public Optional<byte[]> read(String path, long offset, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        try (FileChannel file = open(path)) {
            while (bytes.hasRemaining() && file.read(bytes, offset + bytes.position()) > 0) {
                // Until all is there, or the file ends.
            }
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
        byte[] read = new byte[bytes.flip().remaining()];
        bytes.get(read);
        return Optional.of(read);
    }

    @Override
    public void fetch(List<Fetch> wanted, Sink sink) throws IOException, RefusedException {
        sink.prepare();
        for (Fetch fetch : wanted) {
            try (FileChannel file = open(fetch.path())) {
                long copied = copy(file, fetch, sink);
                if (fetch.whole() && copied != fetch.length()) {
                    throw new RefusedException("size of source file \"%s\" changed concurrently: %d bytes expected, %d copied"
                            .formatted(directory.path().resolve(fetch.path()), fetch.length(), copied));
                }
                if (copied < fetch.length()) {
                    throw new RefusedException("unexpected EOF while reading file \"%s\"".formatted(directory.path().resolve(fetch.path())));
                }
            }
        }
    }

    /** Of a whole file one byte more than expected would be seen. */
    private long copy(FileChannel file, Fetch fetch, Sink sink) throws IOException {
        long copied = 0;
        long limit = fetch.whole() ? fetch.length() + 1 : fetch.length();
        while (copied < limit) {
            buffer.clear().limit((int) Math.min(CHUNK, limit - copied));
            int read = file.read(buffer, fetch.offset() + copied);
            if (read < 0) {
                break;
            }
            sink.bytes(fetch.path(), fetch.offset() + copied, buffer.flip());
            copied += read;
        }
        return copied;
    }

    private FileChannel open(String path) throws IOException {
        return FileChannel.open(directory.path().resolve(path), StandardOpenOption.READ);
    }

    /**
     * The end of the last checkpoint's record: nothing was written after it. A standby's files may be ahead of its last restartpoint, up to
     * its minRecoveryPoint.
     */
    @Override
    public ReplayEnd replayEnd(ControlFile before, ControlFile after) throws IOException, RefusedException {
        if (!before.equals(after)) {
            throw new RefusedException("source system was modified while the rewind was running");
        }
        if (after.state() == ClusterState.SHUTDOWNED_IN_RECOVERY && after.minRecoveryPointTimeline().isPresent()) {
            return new ReplayEnd(after.minRecoveryPoint(), after.minRecoveryPointTimeline().get());
        }
        return new ReplayEnd(endOfRecordAt(after.checkpoint(), after), after.checkpointTimeline());
    }

    private Lsn endOfRecordAt(Lsn start, ControlFile control) throws IOException, RefusedException {
        Optional<TimelineHistory> history = Histories.read(this, control.checkpointTimeline());
        TimelineHistory lineage = history.orElseThrow(() -> new RefusedException(
                "the source has no history of its timeline %s".formatted(control.checkpointTimeline())));
        try (PgWal wal = new PgWal(directory.path().resolve("pg_wal"), lineage, control.segmentSize(), WalElsewhere.NOWHERE)) {
            WalReader reader = WalReader.open(wal, new WalIdentity(control.systemId(), control.segmentSize(), lineage), start);
            if (!reader.next() || !reader.recordStart().equals(start)) {
                throw new RefusedException("could not read the source's last checkpoint at %s: %s"
                        .formatted(start, reader.end().map(WalEnd::message).orElse("another record begins there")));
            }
            return reader.lastRecordEnd();
        }
    }

    @Override
    public void close() {
        // Nothing stays open.
    }
}
