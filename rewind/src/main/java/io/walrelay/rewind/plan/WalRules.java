package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.FileEntry;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Which files pg_wal of the target has afterwards. Recovery takes a segment's bytes for what its name says and replays them to the end,
 * past a fork as well: what the orphan wrote must not be there under a name that it looks for.
 *
 * <pre>
 *            replay start            fork
 *   ─ older ──────┼──── shared ───────┼── the target's own: orphan
 *   as it is        the target's, or   the source's, or nothing
 *                   the source's
 * </pre>
 *
 * The target's bytes before the fork are the lineage's, and were read to plan the rewind, as far as its valid WAL reaches: such segments are not
 * copied again.
 */
final class WalRules {

    private static final String DIRECTORY = "pg_wal/";
    private static final String STATUS = "pg_wal/archive_status/";

    private final Lsn replayStart;
    private final Divergence divergence;
    private final Lsn targetEnd;
    private final SegmentSize size;
    private final TimelineHistory sourceHistory;
    private final Map<String, FileEntry> source;

    WalRules(Lsn replayStart, Divergence divergence, Lsn targetEnd, SegmentSize size, TimelineHistory sourceHistory, Map<String, FileEntry> source) {
        this.replayStart = replayStart;
        this.divergence = divergence;
        this.targetEnd = targetEnd;
        this.size = size;
        this.sourceHistory = sourceHistory;
        this.source = source;
    }

    /** Whether {@code path} is a segment, or says about one whether it was archived, that both sides share and no replay needs. */
    boolean isOlder(String path) {
        return segment(path).filter(this::isCommon).filter(id -> id.end(size).isAtMost(size.startOf(replayStart))).isPresent();
    }

    /** Whether {@code path} is a segment that both sides share to its end. */
    boolean isShared(FileEntry file) {
        return file.size() == size.bytes()
                && !file.path().startsWith(STATUS)
                && segment(file.path()).filter(this::isCommon).filter(id -> !holdsFork(id)).filter(this::wasRead).isPresent();
    }

    /** Whether {@code path} is a segment with something that is replayed before the fork. */
    boolean isBeforeFork(String path) {
        return !path.startsWith(STATUS)
                && segment(path)
                        .filter(this::isCommon)
                        .filter(id -> id.end(size).isAfter(replayStart) && id.start(size).isBefore(divergence.fork()))
                        .isPresent();
    }

    /**
     * The segments from replay start to fork that neither side has, as the lineage names them.
     *
     * @param copied whether the source's come along: then one with the fork in a later timeline's file is there, too
     */
    List<SegmentId> missingBeforeFork(Map<String, FileEntry> target, boolean copied) {
        List<SegmentId> missing = new ArrayList<>();
        for (long number = size.segmentNumber(replayStart); size.start(number).isBefore(divergence.fork()); number++) {
            long wanted = number;
            Lsn last = Lsn.min(size.start(number + 1), divergence.fork()).plus(-1);
            SegmentId id = new SegmentId(divergence.common().timelineAt(last), number);
            boolean there = timelines(divergence.common())
                    .map(timeline -> path(new SegmentId(timeline, wanted)))
                    .anyMatch(path -> target.containsKey(path) && isUsable(path) || source.containsKey(path));
            if (!there && !(copied && sourceHasAnotherFile(id))) {
                missing.add(id);
            }
        }
        return missing;
    }

    /** The first segment from the fork on to {@code end} that the source has no more. */
    Optional<SegmentId> missingAfterFork(Lsn end) {
        for (long number = size.segmentNumber(divergence.fork()); size.start(number).isAtMost(end); number++) {
            SegmentId id = new SegmentId(sourceHistory.timelineAt(Lsn.max(size.start(number), divergence.fork())), number);
            if (!sourceHasAnotherFile(id)) {
                return Optional.of(id);
            }
        }
        return Optional.empty();
    }

    /** Whether {@code path} is a segment of the target's own with all that is replayed of it before the fork. */
    boolean isUsable(String path) {
        return isBeforeFork(path) && segment(path).filter(this::wasRead).isPresent();
    }

    /** What comes after the target's last valid record, recycled or never flushed, must not take the place of what the source has. */
    private boolean wasRead(SegmentId id) {
        return Lsn.min(id.end(size), divergence.fork()).isAtMost(targetEnd);
    }

    /** Whether the target's own segment, which the source has no more, is needed to come to the fork. */
    boolean isNeeded(String path) {
        return isUsable(path) && segment(path).filter(id -> !holdsFork(id) || !sourceHasAnotherFile(id)).isPresent();
    }

    /** Whether {@code path} is of pg_wal. */
    static boolean isFile(String path) {
        return path.startsWith(DIRECTORY);
    }

    static boolean isHistory(String path) {
        return path.startsWith(DIRECTORY) && path.endsWith(".history");
    }

    /** Those of pg_wal are each server's own. */
    static boolean isDirectory(@Nullable FileEntry theirs, @Nullable FileEntry ours) {
        FileEntry any = ours == null ? theirs : ours;
        return any != null && any.kind() == FileEntry.Kind.DIRECTORY;
    }

    /** From where on the bytes of a needed segment are the orphan's; empty when none are. */
    Optional<Long> orphanFrom(String path) {
        return segment(path).filter(this::holdsFork).map(id -> divergence.fork().minus(id.start(size)));
    }

    private boolean holdsFork(SegmentId id) {
        return id.end(size).isAfter(divergence.fork());
    }

    /** The segment where a timeline ends begins the files of those that follow. */
    private boolean sourceHasAnotherFile(SegmentId id) {
        return timelines(sourceHistory).anyMatch(timeline -> source.containsKey(path(new SegmentId(timeline, id.number()))));
    }

    private static Stream<TimelineId> timelines(TimelineHistory history) {
        return Stream.concat(history.ancestors().stream().map(TimelineHistory.Ancestor::timeline), Stream.of(history.timeline()));
    }

    private String path(SegmentId id) {
        return DIRECTORY + fileName(id);
    }

    String fileName(SegmentId id) {
        return new WalFileName.Segment(id).fileName(size);
    }

    long segmentBytes() {
        return size.bytes();
    }

    /** Whether the bytes before the fork are the same on both sides. */
    private boolean isCommon(SegmentId id) {
        return divergence.common().contains(id.timeline());
    }

    private Optional<SegmentId> segment(String path) {
        if (!path.startsWith(DIRECTORY)) {
            return Optional.empty();
        }
        String name = path.substring(path.lastIndexOf('/') + 1);
        String base = path.startsWith(STATUS) && name.lastIndexOf('.') > 0 ? name.substring(0, name.lastIndexOf('.')) : name;
        return WalFileName.parse(base, size).flatMap(parsed -> parsed instanceof WalFileName.Segment(SegmentId id) ? Optional.of(id) : Optional.empty());
    }
}
