package io.walrelay.cache.retention;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * What does the relay keep? A pure function of a snapshot; whoever deletes only receives its answer.
 *
 * <p>The order, when the disk limit is reached: WAL that nobody needs, WAL that the archive holds, the WAL of the slot that
 * holds the most (which is then lost) unless upstream is to be held instead. Upstream's own disk comes before any standby's
 * convenience.
 */
public final class Retention {

    /** A segment that could be freed; the ones being written are not offered. */
    public record Segment(SegmentId id, Lsn start, Lsn end, Instant completed, boolean archived) {}

    /** Somebody who still needs WAL from {@code from} on: a slot, by its name. */
    public record Holder(String name, Lsn from) {}

    /**
     * @param keep how long WAL is kept though nobody needs it
     * @param diskLimit bytes that segments may occupy
     * @param diskUsed bytes that they do occupy, with those that are being written or prepared
     * @param diskFree bytes that the file system has left
     * @param reserve bytes that the file system is to have left, so that the next segments fit
     * @param maxRetained bytes that one slot may hold
     * @param holdUpstream whether to stop reading upstream rather than give up a slot
     */
    public record Limits(Duration keep, long diskLimit, long diskUsed, long diskFree, long reserve, long maxRetained, boolean holdUpstream) {}

    /**
     * @param segments from the oldest
     * @param end the end of WAL: what a holder retains is counted up to here
     */
    public record Snapshot(List<Segment> segments, Lsn end, List<Holder> holders, Limits limits, Instant now) {}

    /**
     * @param free segments to delete, oldest first
     * @param lost holders whose WAL is given up
     * @param hold whether upstream must not be read until there is room
     * @param horizon who needs the oldest WAL after this; empty when nobody needs any
     */
    public record Decision(List<SegmentId> free, List<String> lost, boolean hold, Optional<Holder> horizon) {}

    private Retention() {}

    public static Decision decide(Snapshot snapshot) {
        Limits limits = snapshot.limits;
        List<Holder> holders = new ArrayList<>(snapshot.holders);
        List<String> lost = new ArrayList<>();
        holders.removeIf(h -> {
            boolean over = snapshot.end.minus(h.from) > limits.maxRetained;
            if (over) {
                lost.add(h.name);
            }
            return over;
        });

        Plan plan = new Plan(snapshot.segments, Math.max(limits.diskUsed - limits.diskLimit, limits.reserve - limits.diskFree));
        plan.free(s -> !needed(s, holders) && Duration.between(s.completed, snapshot.now).compareTo(limits.keep) > 0, false);
        plan.free(s -> !needed(s, holders), true);
        plan.free(Segment::archived, true);
        while (plan.excess > 0 && !limits.holdUpstream && plan.anythingLeft() && !holders.isEmpty()) {
            Holder greediest = holders.stream().min(Comparator.comparing(Holder::from)).orElseThrow();
            holders.remove(greediest);
            lost.add(greediest.name);
            plan.free(s -> !needed(s, holders), true);
        }
        Optional<Holder> horizon = holders.stream().min(Comparator.comparing(Holder::from));
        return new Decision(List.copyOf(plan.freed), List.copyOf(lost), plan.excess > 0, horizon);
    }

    private static boolean needed(Segment segment, List<Holder> holders) {
        return holders.stream().anyMatch(h -> segment.end.isAfter(h.from));
    }

    /** The segments that are left while deciding, and how many bytes are still too many. */
    private static final class Plan {
        private final List<Segment> left;
        private final List<SegmentId> freed = new ArrayList<>();
        private long excess;

        Plan(List<Segment> segments, long excess) {
            this.left = new ArrayList<>(segments);
            this.excess = excess;
        }

        void free(java.util.function.Predicate<Segment> may, boolean onlyWhileOverLimit) {
            left.removeIf(s -> {
                if ((onlyWhileOverLimit && excess <= 0) || !may.test(s)) {
                    return false;
                }
                freed.add(s.id);
                excess -= s.end.minus(s.start);
                return true;
            });
        }

        boolean anythingLeft() {
            return !left.isEmpty();
        }
    }
}
