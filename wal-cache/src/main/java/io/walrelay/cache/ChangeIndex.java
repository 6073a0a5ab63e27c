package io.walrelay.cache;

import io.walrelay.cache.index.Changes;
import io.walrelay.cache.index.ChangesFormat;
import io.walrelay.cache.index.SegmentIndex;
import io.walrelay.cache.lookup.LineageSelector;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.BlockReference;
import io.walrelay.wal.format.CheckpointSearch;
import io.walrelay.wal.format.RelationFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

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

    /** As much is held in memory as a part of this size changes: larger segments have several. */
    private static final int LARGEST_PART = 16 << 20;

    /** Nobody is told of a rewind what takes seconds to find out. */
    private static final long FURTHEST_CHECKPOINT = 1L << 30;

    /** What is known of a stretch of WAL. */
    public sealed interface Answer {}

    /** WAL at {@code at}, and maybe more, is not held. */
    public record NotHeld(Lsn at) implements Answer {}

    /** All of it is held. For one thread after the other, who closes it. */
    public final class Stretch implements Answer, AutoCloseable {
        private final LineageReading reading;
        private final Lsn to;
        private Lsn at;

        private Stretch(LineageReading reading, Lsn from, Lsn to) {
            this.reading = reading;
            this.at = from;
            this.to = to;
        }

        /**
         * The changes of one part after the other, in the order of the log: of a block that more than one names, the first counts.
         *
         * @return empty when there are no more
         * @throws IOException when WAL could not be looked at, or turned out to be damaged or gone meanwhile
         */
        public Optional<Changes> next() throws IOException {
            if (at.isAtLeast(to)) {
                return Optional.empty();
            }
            Lsn stop = Lsn.min(to, part.endOf(at));
            boolean whole = part.offset(at) == 0 && stop.equals(part.endOf(at));
            Optional<Changes> indexed = whole ? reading.indexed(at, ChangesFormat.Extent.ALL) : Optional.empty();
            Changes changes = indexed.isPresent() ? indexed.get() : reading.read(at, stop);
            reading.requireUnchanged();
            at = stop;
            return Optional.of(changes);
        }

        @Override
        public void close() throws IOException {
            reading.close();
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

    /**
     * A whole segment that is held and has an index.
     *
     * @param start where it begins
     * @param crc32c of its bytes
     * @param lastCheckpoint where the record starts of the last checkpoint in it
     */
    public record Segment(SegmentId id, Lsn start, int crc32c, Optional<Lsn> lastCheckpoint) {}

    private static final int CHECKSUM_BUFFER = 1 << 16;

    private final WalCache cache;
    private final IndexFiles indexes;
    private final SegmentSize size;
    private final SegmentSize part;

    ChangeIndex(WalCache cache) {
        this.cache = cache;
        this.indexes = cache.files().indexes();
        this.size = cache.segmentSize();
        this.part = new SegmentSize(Math.min(size.bytes(), LARGEST_PART));
    }

    /** How large the parts of a segment are; at most the whole. */
    SegmentSize part() {
        return part;
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

    /** Where the local disk's WAL ends, whosever it is. */
    public Lsn end() {
        return cache.orphans().stream().map(Orphan::end).reduce(cache.end().written(), Lsn::max);
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
        LineageReading reading = reading(lineage);
        for (Lsn at = from; at.isBefore(to); ) {
            Lsn next = reading.heldUpTo(at);
            if (!next.isAfter(at)) {
                reading.close();
                return new NotHeld(at);
            }
            at = next;
        }
        return new Stretch(reading, from, to);
    }

    /** Whether the byte at {@code at} is held. */
    public boolean holds(TimelineHistory lineage, Lsn at) throws IOException {
        try (LineageReading reading = reading(lineage)) {
            return reading.heldUpTo(at).isAfter(at);
        }
    }

    /** How far the records go that are held from {@code from} on without a gap, to their ends; {@code from} when there are none. */
    public Lsn lastRecordEnd(TimelineHistory lineage, Lsn from) throws IOException {
        try (LineageReading reading = reading(lineage)) {
            return reading.lastRecordEnd(from);
        }
    }

    /** The segments with an index that {@code lineage} has from the one on in which {@code from} lies, and that begin before {@code to}. */
    public List<Segment> segments(TimelineHistory lineage, Lsn from, Lsn to) throws IOException {
        List<Segment> found = new ArrayList<>();
        try (LineageReading reading = reading(lineage)) {
            for (Lsn at = size.startOf(from); at.isBefore(to); at = size.endOf(at)) {
                reading.segment(at).ifPresent(found::add);
            }
            reading.requireUnchanged();
        }
        return found;
    }

    private LineageReading reading(TimelineHistory lineage) throws IOException {
        return new LineageReading(cache, this, lineage);
    }

    /** The segment in which {@code to} lies, with the checksum of what it has before that; empty when not all of that is held. Its checkpoints are not looked for. */
    public Optional<Segment> beginning(TimelineHistory lineage, Lsn to) throws IOException {
        Lsn start = size.startOf(to);
        try (LineageLog log = new LineageLog(cache, lineage)) {
            if (log.heldUpTo(start).isBefore(to)) {
                return Optional.empty();
            }
            Segment segment = new Segment(segmentOf(lineage, start), start, checksum(log, start, to), Optional.empty());
            log.requireUnchanged();
            return Optional.of(segment);
        }
    }

    /** The segment that {@code lineage} has at {@code at}: where it forks, that of the timeline that goes on there, which has the shared bytes, too. */
    SegmentId segmentOf(TimelineHistory lineage, Lsn at) {
        return SegmentId.at(lineage.timelineAt(size.endOf(at).plus(-1)), at, size);
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
        List<byte[]> parts = new ArrayList<>();
        try (LineageReading reading = reading(lineage)) {
            for (Lsn at = id.start(size); at.isBefore(id.end(size)); at = part.endOf(at)) {
                parts.add(encode(lineage, at, reading.read(at, part.endOf(at))));
            }
            reading.requireUnchanged();
        }
        keep(lineage, id.start(size), parts);
    }

    /** @param at the beginning of a part */
    byte[] encode(TimelineHistory lineage, Lsn at, Changes changes) {
        return ChangesFormat.encode(key(lineage, at), changes);
    }

    ChangesFormat.Key key(TimelineHistory lineage, Lsn at) {
        return new ChangesFormat.Key(lineage.upTo(segmentOf(lineage, at).timeline()).id(), at);
    }

    /** Keeps the index of the segment at {@code at}, if that is held. */
    void keep(TimelineHistory lineage, Lsn at, List<byte[]> parts) throws IOException {
        SegmentId id = segmentOf(lineage, at);
        try (LineageLog log = new LineageLog(cache, lineage)) {
            Optional<String> directory = log.directoryOf(id);
            if (directory.isPresent()) {
                indexes.write(directory.get(), id, new SegmentIndex(checksum(log, size.startOf(at), size.endOf(at)), parts).encode());
                // Retention may have come in between; it has looked for an index before there was one.
                if (log.directoryOf(id).isEmpty()) {
                    indexes.delete(directory.get(), id);
                }
            }
        }
    }

    /** CRC-32C of the bytes from {@code from} on and before {@code to}, in one segment. */
    private static int checksum(LineageLog log, Lsn from, Lsn to) throws IOException {
        CRC32C crc = new CRC32C();
        ByteBuffer buffer = ByteBuffer.allocateDirect(CHECKSUM_BUFFER);
        for (Lsn at = from; at.isBefore(to); at = at.plus(buffer.limit())) {
            buffer.clear().limit((int) Math.min(buffer.capacity(), to.minus(at)));
            if (log.read(at, buffer) != buffer.limit()) {
                throw new IOException("WAL at %s is gone".formatted(at));
            }
            crc.update(buffer.flip());
        }
        return (int) crc.getValue();
    }

    /**
     * Of how many blocks a server that went its own way has to be rid of to follow again: those of main forks that its WAL changes since the last
     * checkpoint before the fork, as a rewind counts them.
     *
     * @param reached how far its WAL goes at least
     * @return empty when not all of that WAL is held
     */
    public OptionalLong blocksToRewind(Orphan orphan, Lsn reached) throws IOException {
        Lsn nearest = size.startOf(orphan.fork().plus(-Math.min(orphan.fork().value(), FURTHEST_CHECKPOINT)));
        CheckpointSearch.Outcome checkpoint;
        try (LineageReading reading = reading(orphan.lineage())) {
            checkpoint = reading.lastCheckpoint(Lsn.max(nearest, cache.oldest()), orphan.fork());
        }
        if (!(checkpoint instanceof CheckpointSearch.Found found)) {
            return OptionalLong.empty();
        }
        return switch (changes(orphan.lineage(), found.checkpoint().redo(), Lsn.min(reached, orphan.end()))) {
            case NotHeld _ -> OptionalLong.empty();
            case Stretch stretch -> OptionalLong.of(mainBlocks(stretch));
        };
    }

    private static long mainBlocks(Stretch stretch) throws IOException {
        Set<Long> seen = new HashSet<>();
        Map<RelationFile, Integer> relations = new HashMap<>();
        try (stretch) {
            for (Optional<Changes> changes = stretch.next(); changes.isPresent(); changes = stretch.next()) {
                changes.get().blocks().visit((relation, fork, block, _, _) -> {
                    if (fork == BlockReference.MAIN_FORK) {
                        seen.add((long) relations.computeIfAbsent(relation, _ -> relations.size()) << Integer.SIZE | Integer.toUnsignedLong(block));
                    }
                });
            }
        }
        return seen.size();
    }

    /** The first commit, in the order of the log, of the relay's own lineage that is of {@code time} or later; empty when none on the disk is. */
    public Optional<Commit> firstCommit(Instant time) throws IOException {
        EndOfWal end = cache.end();
        long wanted = PgTime.of(time);
        try (LineageReading reading = reading(end.lineage())) {
            for (Lsn at = cache.oldest(); at.isBefore(end.written()); at = part.endOf(at)) {
                Optional<Changes> indexed = reading.indexed(at, ChangesFormat.Extent.SUMMARY);
                boolean none = indexed.isPresent() && indexed.get().commits().filter(commits -> commits.newest() >= wanted).isEmpty();
                Optional<Commit> found = none ? Optional.empty() : reading.firstCommit(at, wanted);
                reading.requireUnchanged();
                if (found.isPresent()) {
                    return found;
                }
            }
            return Optional.empty();
        }
    }

    /** How much of the relay's own WAL on the disk is whose, by whole segments. */
    public Summary summary() throws IOException {
        return summary(cache.oldest());
    }

    /** As {@link #summary()}, from the segment of {@code from} on: costs as many files as there are segments. */
    public Summary summary(Lsn from) throws IOException {
        EndOfWal end = cache.end();
        Changes all = new Changes();
        int segments = 0;
        int others = 0;
        try (LineageReading reading = reading(end.lineage())) {
            for (Lsn at = Lsn.max(cache.oldest(), size.startOf(from)); size.endOf(at).isAtMost(end.written()); at = size.endOf(at)) {
                boolean indexed = true;
                for (Lsn of = at; of.isBefore(size.endOf(at)); of = part.endOf(of)) {
                    indexed = indexed && reading.addIndexed(all, of, ChangesFormat.Extent.SUMMARY);
                }
                segments += indexed ? 1 : 0;
                others += indexed ? 0 : 1;
            }
            reading.requireUnchanged();
        }
        return new Summary(all, segments, others);
    }
}
