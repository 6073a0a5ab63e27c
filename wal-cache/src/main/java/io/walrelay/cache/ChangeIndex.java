package io.walrelay.cache;

import io.walrelay.cache.index.Changes;
import io.walrelay.cache.index.ChangesFormat;
import io.walrelay.cache.lookup.LineageSelector;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.WalEnd;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import java.io.IOException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What the WAL on the local disk changes, of each lineage that is held there. A segment's records are those that start in it:
 *
 * <pre>
 *   │ 3        from           │ 4            │ 5            │ 6     to        │
 *   │           └─ record by ─┼─ from index ─┼─ from index ─┼─ record by ─┘   │
 * </pre>
 *
 * <p>Segments that hold an end of what is asked for, or the fork of its lineage, have no index that would do, and are read. So is one that has none
 * yet. An index is used for the lineage that it was made of and no other, whatever its segment is called.
 *
 * <p>Thread-safe. Waits for the disk.
 */
public final class ChangeIndex {

    /** What is known of a stretch of WAL. */
    public sealed interface Answer {}

    /** WAL at {@code at}, and maybe more, is not held. */
    public record NotHeld(Lsn at) implements Answer {}

    /** All of it is held. For one thread after the other, who closes it. */
    public final class Stretch implements Answer, AutoCloseable {
        private final LineageLog log;
        private final TimelineHistory lineage;
        private final Lsn to;
        private Lsn at;

        private Stretch(LineageLog log, TimelineHistory lineage, Lsn from, Lsn to) {
            this.log = log;
            this.lineage = lineage;
            this.at = from;
            this.to = to;
        }

        /**
         * The changes of one segment after the other, in the order of the log: of a block that more than one names, the first counts.
         *
         * @return empty when there are no more
         * @throws IOException when WAL could not be looked at, or turned out to be damaged or gone meanwhile
         */
        public Optional<Changes> next() throws IOException {
            if (at.isAtLeast(to)) {
                return Optional.empty();
            }
            Lsn stop = Lsn.min(to, size.endOf(at));
            boolean whole = size.offset(at) == 0 && stop.equals(size.endOf(at));
            Optional<Changes> indexed = whole ? indexed(log, lineage, at, ChangesFormat.Extent.ALL) : Optional.empty();
            Changes changes = indexed.isPresent() ? indexed.get() : read(log, lineage, at, stop);
            log.requireUnchanged();
            at = stop;
            return Optional.of(changes);
        }

        @Override
        public void close() throws IOException {
            log.close();
        }
    }

    /**
     * A transaction's commit.
     *
     * @param at where its record starts
     * @param end where it ends, which is what a server has to replay to have it
     */
    public record Commit(Lsn at, Lsn end, Instant time, SegmentId segment) {}

    /**
     * Of the relay's own lineage.
     *
     * @param changes of the segments that have an index, without their blocks
     * @param segments how many those are
     * @param others how many have none, the one that is being written not among them
     */
    public record Summary(Changes changes, int segments, int others) {}

    private final WalCache cache;
    private final IndexFiles indexes;
    private final SegmentSize size;

    ChangeIndex(WalCache cache) {
        this.cache = cache;
        this.indexes = cache.files().indexes();
        this.size = cache.segmentSize();
    }

    /** The lineages of that name that the local disk may have something of: more than one when a timeline's number was taken twice. */
    public List<TimelineHistory> lineages(LineageSelector selector) {
        Map<String, TimelineHistory> found = new LinkedHashMap<>();
        Stream.concat(Stream.of(cache.end().lineage()), cache.orphans().stream().map(Orphan::lineage))
                .filter(lineage -> lineage.contains(selector.timeline()))
                .map(lineage -> lineage.upTo(selector.timeline()))
                .filter(selector::matches)
                .forEach(lineage -> found.putIfAbsent(lineage.id(), lineage));
        return List.copyOf(found.values());
    }

    /** Bytes that the index takes on the disk. */
    public long bytes() {
        return indexes.bytes();
    }

    /**
     * What {@code lineage} changes in records that start at {@code from} or later and before {@code to}.
     *
     * @throws IOException while the relay goes over to another timeline
     */
    public Answer changes(TimelineHistory lineage, Lsn from, Lsn to) throws IOException {
        LineageLog log = new LineageLog(cache, lineage);
        for (Lsn at = from; at.isBefore(to); ) {
            Lsn next = log.heldUpTo(at);
            if (!next.isAfter(at)) {
                log.close();
                return new NotHeld(at);
            }
            at = next;
        }
        return new Stretch(log, lineage, from, to);
    }

    private Optional<Changes> indexed(LineageLog log, TimelineHistory lineage, Lsn segmentStart, ChangesFormat.Extent extent) throws IOException {
        SegmentId id = segmentOf(lineage, segmentStart);
        Optional<String> directory = log.directoryOf(id);
        Optional<byte[]> encoded = directory.isEmpty() ? Optional.empty() : indexes.read(directory.get(), id);
        Changes changes = new Changes();
        return encoded.isPresent() && ChangesFormat.addTo(changes, encoded.get(), key(lineage, id), size, extent) ? Optional.of(changes) : Optional.empty();
    }

    /** The segment that {@code lineage} has at {@code at}: where it forks, that of the timeline that goes on there, which has the shared bytes, too. */
    SegmentId segmentOf(TimelineHistory lineage, Lsn at) {
        return SegmentId.at(lineage.timelineAt(size.endOf(at).plus(-1)), at, size);
    }

    private static ChangesFormat.Key key(TimelineHistory lineage, SegmentId id) {
        return new ChangesFormat.Key(lineage.upTo(id.timeline()).id(), id);
    }

    /** @param stop in the segment of {@code from}, or its end */
    private Changes read(LineageLog log, TimelineHistory lineage, Lsn from, Lsn stop) throws IOException {
        Changes changes = new Changes();
        WalRecord record = new WalRecord();
        WalReader reader = WalReader.open(log, new WalIdentity(cache.system(), size, lineage), size.startOf(from));
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

    /** A record that starts before {@code stop} and is not there to its end is one that would be missed. */
    private static void requireEndAfter(WalEnd end, Lsn stop) throws IOException {
        Lsn reached = end instanceof WalEnd.UnfinishedRecord(_, Lsn start) && start.isValid() ? start : end.at();
        if (reached.isBefore(stop)) {
            throw new IOException(end.message());
        }
    }

    /** Whether a segment that is held in {@code directory} has an index. */
    boolean has(String directory, SegmentId id) {
        return indexes.has(directory, id);
    }

    /**
     * Makes the index of a whole segment from its file.
     *
     * @throws IOException when that could not be read, or is damaged
     */
    void make(TimelineHistory lineage, SegmentId id) throws IOException {
        try (LineageLog log = new LineageLog(cache, lineage)) {
            Changes changes = read(log, lineage, id.start(size), id.end(size));
            log.requireUnchanged();
            keep(log, lineage, id, changes);
        }
    }

    /** Keeps the changes of all records that start in the segment at {@code at}, if that is held. */
    void keep(TimelineHistory lineage, Lsn at, Changes changes) throws IOException {
        try (LineageLog log = new LineageLog(cache, lineage)) {
            keep(log, lineage, segmentOf(lineage, at), changes);
        }
    }

    private void keep(LineageLog log, TimelineHistory lineage, SegmentId id, Changes changes) throws IOException {
        Optional<String> directory = log.directoryOf(id);
        if (directory.isPresent()) {
            indexes.write(directory.get(), id, ChangesFormat.encode(key(lineage, id), changes, size));
            // Retention may have come in between; it has looked for an index before there was one.
            if (log.directoryOf(id).isEmpty()) {
                indexes.delete(directory.get(), id);
            }
        }
    }

    /** The first commit, in the order of the log, of the relay's own lineage that is of {@code time} or later; empty when none on the disk is. */
    public Optional<Commit> firstCommit(Instant time) throws IOException {
        EndOfWal end = cache.end();
        long wanted = PgTime.of(time);
        try (LineageLog log = new LineageLog(cache, end.lineage())) {
            for (Lsn at = cache.oldest(); at.isBefore(end.written()); at = size.endOf(at)) {
                Optional<Changes> indexed = indexed(log, end.lineage(), at, ChangesFormat.Extent.SUMMARY);
                boolean none = indexed.isPresent() && indexed.get().commits().filter(commits -> commits.newest() >= wanted).isEmpty();
                Optional<Commit> found = none ? Optional.empty() : firstCommit(log, end.lineage(), at, wanted);
                log.requireUnchanged();
                if (found.isPresent()) {
                    return found;
                }
            }
            return Optional.empty();
        }
    }

    private Optional<Commit> firstCommit(LineageLog log, TimelineHistory lineage, Lsn segmentStart, long wanted) throws IOException {
        WalReader reader = WalReader.open(log, new WalIdentity(cache.system(), size, lineage), segmentStart);
        try {
            while (reader.next() && reader.recordStart().isBefore(size.endOf(segmentStart))) {
                Optional<RecordBody.TransactionEnd> end = RecordBodies.transactionEnd(reader);
                if (end.isPresent() && end.get().committed() && end.get().time() >= wanted) {
                    Lsn at = reader.recordStart();
                    return Optional.of(new Commit(at, reader.lastRecordEnd(), PgTime.toInstant(end.get().time()), SegmentId.at(lineage.timelineAt(at), at, size)));
                }
            }
        } catch (MalformedRecordException e) {
            throw new IOException(e.getMessage(), e);
        }
        return Optional.empty();
    }

    /** How much of the relay's own WAL on the disk is whose, by whole segments. */
    public Summary summary() throws IOException {
        EndOfWal end = cache.end();
        Changes all = new Changes();
        int segments = 0;
        int others = 0;
        try (LineageLog log = new LineageLog(cache, end.lineage())) {
            for (Lsn at = cache.oldest(); size.endOf(at).isAtMost(end.written()); at = size.endOf(at)) {
                SegmentId id = segmentOf(end.lineage(), at);
                Optional<String> directory = log.directoryOf(id);
                Optional<byte[]> encoded = directory.isEmpty() ? Optional.empty() : indexes.read(directory.get(), id);
                if (encoded.isPresent() && ChangesFormat.addTo(all, encoded.get(), key(end.lineage(), id), size, ChangesFormat.Extent.SUMMARY)) {
                    segments++;
                } else {
                    others++;
                }
            }
            log.requireUnchanged();
        }
        return new Summary(all, segments, others);
    }
}
