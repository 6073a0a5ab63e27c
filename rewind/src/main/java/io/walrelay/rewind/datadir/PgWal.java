package io.walrelay.rewind.datadir;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineHistory.Ancestor;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalSource;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The WAL in a directory along one lineage, as recovery would read it (PostgreSQL: xlogrecovery.c, XLogFileReadAnyTLI): of a segment that
 * several timelines share, the newest one's file, which begins with a copy of its parent's bytes; an older one's only up to where it was left.
 *
 * <p>Confined to one thread.
 */
public final class PgWal implements WalSource, Closeable {

    /** A stretch of the log in one file. */
    private record Open(WalElsewhere.Bytes file, Lsn start, Lsn end) {}

    private final @Nullable Path directory;
    private final SegmentSize size;
    private final WalElsewhere elsewhere;

    /** The newest first. */
    private final List<Reach> timelines;

    /** {@code end} is the first position that the timeline does not have; past everything for the newest. */
    private record Reach(TimelineId timeline, Lsn begin, Lsn end) {}

    private @Nullable Open open;
    private long bytesRead;

    /** @param directory null when all of it is elsewhere */
    public PgWal(@Nullable Path directory, TimelineHistory history, SegmentSize size, WalElsewhere elsewhere) {
        this.directory = directory;
        this.size = size;
        this.elsewhere = elsewhere;
        this.timelines = reaches(history);
    }

    private static List<Reach> reaches(TimelineHistory history) {
        List<Reach> oldestFirst = new ArrayList<>();
        Lsn begin = Lsn.INVALID;
        for (Ancestor ancestor : history.ancestors()) {
            oldestFirst.add(new Reach(ancestor.timeline(), begin, ancestor.switchPoint()));
            begin = ancestor.switchPoint();
        }
        oldestFirst.add(new Reach(history.timeline(), begin, Lsn.LAST));
        return oldestFirst.reversed();
    }

    @Override
    public int read(Lsn at, ByteBuffer into) throws IOException {
        Open from = open;
        if (from == null || at.isBefore(from.start) || at.isAtLeast(from.end)) {
            close();
            from = find(at);
            open = from;
        }
        if (from == null) {
            return 0;
        }
        int wanted = (int) Math.min(into.remaining(), from.end.minus(at));
        ByteBuffer part = into.slice(into.position(), wanted);
        int read = from.file.read(part, size.offset(at));
        if (read > 0) {
            into.position(into.position() + read);
            bytesRead += read;
        }
        return read;
    }

    /** The file from which the last byte of the segment that begins at {@code start} is read; empty when the directory has none of it. */
    public Optional<Path> file(Lsn start) {
        if (directory == null) {
            return Optional.empty();
        }
        Lsn end = size.endOf(start);
        return timelines.stream()
                .filter(reach -> reach.begin.isBefore(end) && start.isBefore(reach.end))
                .map(reach -> directory.resolve(new WalFileName.Segment(SegmentId.at(reach.timeline, start, size)).fileName(size)))
                .filter(Files::exists)
                .findFirst();
    }

    /** How many bytes were read so far. */
    public long bytesRead() {
        return bytesRead;
    }

    private @Nullable Open find(Lsn at) throws IOException {
        Lsn start = size.startOf(at);
        Lsn end = size.endOf(at);
        for (Reach reach : timelines) {
            if (reach.begin.isBefore(end) && at.isBefore(reach.end)) {
                WalElsewhere.Bytes file = open(SegmentId.at(reach.timeline, at, size));
                if (file != null) {
                    return new Open(file, start, Lsn.min(end, reach.end));
                }
            }
        }
        return null;
    }

    private WalElsewhere.@Nullable Bytes open(SegmentId segment) throws IOException {
        String name = new WalFileName.Segment(segment).fileName(size);
        if (directory == null) {
            return elsewhere.open(segment, name);
        }
        try {
            return WalElsewhere.Bytes.of(FileChannel.open(directory.resolve(name), StandardOpenOption.READ));
        } catch (NoSuchFileException e) {
            return elsewhere.open(segment, name);
        }
    }

    @Override
    public void close() throws IOException {
        Open closing = open;
        open = null;
        if (closing != null) {
            closing.file.close();
        }
    }
}
