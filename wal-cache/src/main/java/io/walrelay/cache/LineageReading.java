package io.walrelay.cache;

import io.walrelay.cache.index.Changes;
import io.walrelay.cache.index.ChangesFormat;
import io.walrelay.cache.index.SegmentIndex;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.CheckpointSearch;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.WalEnd;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The changes of one lineage, part by part, from the index or from records ({@link ChangeIndex}).
 *
 * <p>Confined to one thread after the other, the last of whom closes it.
 */
final class LineageReading implements AutoCloseable {

    private static final SegmentIndex NONE = new SegmentIndex(0, List.of());

    private final WalCache cache;
    private final ChangeIndex owner;
    private final IndexFiles indexes;
    private final SegmentSize size;
    private final SegmentSize part;
    private final LineageLog log;
    private final TimelineHistory lineage;

    /** The segment whose index was looked for last, and what was found. */
    private @Nullable SegmentId loaded;

    private SegmentIndex index = NONE;

    LineageReading(WalCache cache, ChangeIndex owner, TimelineHistory lineage) throws IOException {
        this.cache = cache;
        this.owner = owner;
        this.indexes = cache.files().indexes();
        this.size = cache.segmentSize();
        this.part = owner.part();
        this.log = new LineageLog(cache, lineage);
        this.lineage = lineage;
    }

    void requireUnchanged() throws IOException {
        log.requireUnchanged();
    }

    /** As {@link LineageLog#heldUpTo}. */
    Lsn heldUpTo(Lsn at) {
        return log.heldUpTo(at);
    }

    /** The changes of the part at {@code at}; empty when there is no index of its segment. */
    Optional<Changes> indexed(Lsn at, ChangesFormat.Extent extent) throws IOException {
        Changes changes = new Changes();
        return addIndexed(changes, at, extent) ? Optional.of(changes) : Optional.empty();
    }

    boolean addIndexed(Changes into, Lsn at, ChangesFormat.Extent extent) throws IOException {
        load(owner.segmentOf(lineage, at));
        int number = size.offset(at) / part.bytes();
        return number < index.parts().size() && ChangesFormat.addTo(into, index.parts().get(number), owner.key(lineage, at), extent);
    }

    private void load(SegmentId id) throws IOException {
        if (!id.equals(loaded)) {
            Optional<String> directory = log.directoryOf(id);
            Optional<byte[]> body = directory.isEmpty() ? Optional.empty() : indexes.read(directory.get(), id);
            index = body.isEmpty() ? NONE : SegmentIndex.parse(body.get());
            loaded = id;
        }
    }

    /** The one that begins at {@code start}, if it has an index. */
    Optional<ChangeIndex.Segment> segment(Lsn start) throws IOException {
        Optional<Lsn> checkpoint = Optional.empty();
        for (Lsn at = start; at.isBefore(start.plus(size.bytes())); at = part.endOf(at)) {
            Optional<Changes> changes = indexed(at, ChangesFormat.Extent.SUMMARY);
            if (changes.isEmpty()) {
                return Optional.empty();
            }
            checkpoint = changes.get().lastCheckpoint().isPresent() ? changes.get().lastCheckpoint() : checkpoint;
        }
        return Optional.of(new ChangeIndex.Segment(owner.segmentOf(lineage, start), start, index.crc32c(), checkpoint));
    }

    /** As {@link ChangeIndex#lastRecordEnd}. */
    Lsn lastRecordEnd(Lsn from) throws IOException {
        Lsn held = from;
        for (Lsn next = log.heldUpTo(from); next.isAfter(held); next = log.heldUpTo(held)) {
            held = next;
        }
        // A record may go through parts in which none starts.
        for (Lsn at = held; at.isAfter(from); at = part.startOf(at.plus(-1))) {
            WalReader reader = reader(at.plus(-1));
            WalEnd end = reader.skipToEnd();
            if (end instanceof WalEnd.Flaw && !(end instanceof WalEnd.ZeroLength)) {
                throw new IOException(end.message());
            }
            if (reader.lastRecordEnd().isValid()) {
                return Lsn.max(from, reader.lastRecordEnd());
            }
        }
        return from;
    }

    /** The last one whose record starts from {@code oldest}, the beginning of a segment, on and before {@code end}. */
    CheckpointSearch.Outcome lastCheckpoint(Lsn oldest, Lsn end) throws IOException {
        return new CheckpointSearch(log, identity(), start -> segment(start).map(it -> new CheckpointSearch.Known(it.lastCheckpoint()))).lastBefore(oldest, end);
    }

    /** @param stop in the part of {@code from}, or its end */
    Changes read(Lsn from, Lsn stop) throws IOException {
        Changes changes = new Changes();
        WalRecord record = new WalRecord();
        WalReader reader = reader(from);
        try {
            while (reader.next()) {
                if (reader.recordStart().isAtLeast(stop)) {
                    return changes;
                }
                if (reader.recordStart().isAtLeast(from)) {
                    reader.take(record);
                    changes.add(record);
                }
            }
        } catch (MalformedRecordException e) {
            throw new IOException(e.getMessage(), e);
        }
        requireEndAfter(reader.end().orElseThrow(), stop);
        return changes;
    }

    private WalReader reader(Lsn from) {
        return WalReader.open(log, identity(), part.startOf(from));
    }

    private WalIdentity identity() {
        return new WalIdentity(cache.system(), size, lineage);
    }

    /** Of the part at {@code at}. */
    Optional<ChangeIndex.Commit> firstCommit(Lsn at, long wanted) throws IOException {
        WalReader reader = reader(at);
        try {
            while (reader.next() && reader.recordStart().isBefore(part.endOf(at))) {
                Optional<RecordBody.TransactionEnd> end = RecordBodies.transactionEnd(reader);
                if (end.isPresent() && end.get().committed() && end.get().time() >= wanted) {
                    Lsn start = reader.recordStart();
                    SegmentId segment = SegmentId.at(lineage.timelineAt(start), start, size);
                    return Optional.of(new ChangeIndex.Commit(start, reader.lastRecordEnd(), PgTime.toInstant(end.get().time()), segment));
                }
            }
        } catch (MalformedRecordException e) {
            throw new IOException(e.getMessage(), e);
        }
        return Optional.empty();
    }

    @Override
    public void close() throws IOException {
        log.close();
    }

    /** A record that starts before {@code stop} and is not there to its end is one that would be missed. */
    private static void requireEndAfter(WalEnd end, Lsn stop) throws IOException {
        Lsn reached = end instanceof WalEnd.UnfinishedRecord(_, Lsn start) && start.isValid() ? start : end.at();
        if (reached.isBefore(stop)) {
            throw new IOException(end.message());
        }
    }
}
