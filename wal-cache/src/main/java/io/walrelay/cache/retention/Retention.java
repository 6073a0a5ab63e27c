package io.walrelay.cache.retention;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * What does the relay keep? A pure function of a snapshot; whoever deletes only receives its answer.
 *
 * <p>The order, when there is too much: WAL that nobody needs, WAL that the archive has, the WAL of whoever holds the most unless upstream is to
 * be held instead: a slot, which is then lost, or the archive, which then has a gap. A slot that holds more than it may, or that nobody used for
 * too long, is not asked; it is lost when WAL goes that it needs and no other tier has. Upstream's own disk comes before any standby's convenience: where slots are given up,
 * a limit that what is left does not fit in is passed over rather than upstream held. Only a file system without room holds it then.
 */
public final class Retention {

    /** On which side of a fork a segment lies. */
    public sealed interface Side {
        /** On the relay's history. */
        record Own() implements Side {}

        /**
         * Past a fork.
         *
         * @param directory where it lies
         * @param evidence whether commits may be lost with it, and nobody has said yet that this is known
         */
        record Orphan(String directory, boolean evidence) implements Side {}
    }

    public static final Side OWN = new Side.Own();

    /** What the archive has of a segment. */
    public enum Archival {
        /** There is no archive, or the segment never goes there. */
        NONE,
        /** It is still to be archived. */
        PENDING,
        /** The archive may have it and may not, or may have it for some moments only: nobody could look yet. */
        UNKNOWN,
        DONE
    }

    /** A segment that could be freed; the ones being written are not offered. */
    public record Segment(Side side, SegmentId id, Lsn start, Lsn end, Instant completed, Archival archival) {
        /** Whether the archive needs it. */
        boolean isToBeArchived() {
            return archival == Archival.PENDING || archival == Archival.UNKNOWN;
        }

        /** Whether it is known that no other tier has it. */
        boolean isLastCopy() {
            return archival == Archival.NONE || archival == Archival.PENDING;
        }
    }

    /** Somebody who still needs WAL from {@code from} on. */
    public sealed interface Holder {
        Lsn from();

        /**
         * @param maxRetained bytes that it may hold on the disk
         * @param timedOut whether nobody used it for too long
         */
        record Slot(String name, Lsn from, long maxRetained, boolean timedOut) implements Holder {
            boolean isLetGo(Lsn end) {
                return timedOut || end.minus(from) > maxRetained;
            }
        }

        /**
         * A logical slot of upstream that standbys synchronise. Nothing marks it lost: what it lacks here upstream has, as long as the slot is valid there.
         *
         * @param maxRetained bytes that it may hold on the disk
         */
        record FailoverSlot(String name, Lsn from, long maxRetained) implements Holder {
            boolean isLetGo(Lsn end) {
                return end.minus(from) > maxRetained;
            }
        }

        /** The archive needs what it has not got yet, as far as is known. */
        record Archive(Lsn from) implements Holder {}
    }

    /**
     * @param keep how long WAL is kept though nobody needs it
     * @param diskLimit bytes that segments may occupy
     * @param diskUsed bytes that they do occupy, with those that are being written or prepared
     * @param diskFree bytes that the file system has left
     * @param reserve bytes that the file system is to have left, so that the next segments fit
     * @param holdUpstream whether to stop reading upstream rather than give up a slot
     */
    public record Limits(Duration keep, long diskLimit, long diskUsed, long diskFree, long reserve, boolean holdUpstream) {}

    /**
     * @param segments from the oldest
     * @param slots that are not lost, those that are let go too
     * @param failoverSlots those that upstream has not invalidated
     * @param end the end of WAL: what a slot retains is counted up to here
     */
    public record Snapshot(
            List<Segment> segments, Lsn end, List<Holder.Slot> slots, List<Holder.FailoverSlot> failoverSlots, Limits limits, Instant now) {}

    /**
     * @param free segments to delete, oldest first
     * @param lost slots whose WAL no tier has after this; not those for which it may be in the archive
     * @param hold whether upstream must not be read until there is room
     * @param overLimit bytes more than the limit that are used nevertheless; 0 or less when there are none
     * @param horizon who needs the oldest WAL after this; empty when nobody needs any
     */
    public record Decision(List<Segment> free, List<String> lost, boolean hold, long overLimit, Optional<Holder> horizon) {

        /** With slots for whose WAL it has been seen only now that no tier has it. */
        public Decision withLost(List<String> more) {
            return new Decision(free, Stream.concat(lost.stream(), more.stream()).toList(), hold, overLimit, horizon);
        }
    }

    private Retention() {}

    public static Decision decide(Snapshot snapshot) {
        Limits limits = snapshot.limits;
        List<Holder> holders = new ArrayList<>(snapshot.slots.stream().filter(slot -> !slot.isLetGo(snapshot.end)).toList());
        holders.addAll(snapshot.failoverSlots.stream().filter(slot -> !slot.isLetGo(snapshot.end)).toList());
        archive(snapshot).ifPresent(holders::add);

        Plan plan = new Plan(snapshot.segments, limits);
        plan.free(s -> !needed(s, holders) && Duration.between(s.completed, snapshot.now).compareTo(limits.keep) > 0);
        plan.freeExcess(s -> !needed(s, holders));
        plan.freeExcess(s -> s.archival == Archival.DONE);
        while (plan.excess() > 0 && !limits.holdUpstream && plan.anythingLeft() && !holders.isEmpty()) {
            Holder greediest = holders.stream().min(Comparator.comparing(Holder::from)).orElseThrow();
            holders.remove(greediest);
            plan.freeExcess(s -> !needed(s, holders));
        }
        List<String> lost = snapshot.slots.stream()
                .filter(slot -> plan.freed.stream().anyMatch(s -> s.isLastCopy() && holds(slot, s)))
                .map(Holder.Slot::name)
                .toList();
        Optional<Holder> horizon = holders.stream().min(Comparator.comparing(Holder::from));
        boolean hold = limits.holdUpstream ? plan.excess() > 0 : plan.lacking() > 0;
        return new Decision(List.copyOf(plan.freed), lost, hold, plan.overLimit(), horizon);
    }

    /** Comes last among equals. */
    private static Optional<Holder> archive(Snapshot snapshot) {
        return snapshot.segments.stream()
                .filter(Segment::isToBeArchived)
                .map(s -> s.side.equals(OWN) ? s.start : snapshot.end)
                .min(Comparator.naturalOrder())
                .map(Holder.Archive::new);
    }

    private static boolean needed(Segment segment, List<Holder> holders) {
        return segment.side instanceof Side.Orphan(_, var evidence) && evidence || holders.stream().anyMatch(holder -> holds(holder, segment));
    }

    private static boolean holds(Holder holder, Segment segment) {
        return switch (holder) {
            case Holder.Slot _, Holder.FailoverSlot _ -> segment.side.equals(OWN) && segment.end.isAfter(holder.from());
            case Holder.Archive _ -> segment.isToBeArchived();
        };
    }

    /** The segments that are left while deciding, and how many bytes are still too many. */
    private static final class Plan {
        private final List<Segment> left;
        private final Limits limits;
        private final List<Segment> freed = new ArrayList<>();
        private long freedBytes;

        Plan(List<Segment> segments, Limits limits) {
            this.left = new ArrayList<>(segments);
            this.limits = limits;
        }

        long overLimit() {
            return limits.diskUsed - freedBytes - limits.diskLimit;
        }

        /** Bytes that the file system has too few. */
        long lacking() {
            return limits.reserve - limits.diskFree - freedBytes;
        }

        long excess() {
            return Math.max(overLimit(), lacking());
        }

        void free(Predicate<Segment> may) {
            left.removeIf(s -> may.test(s) && freed(s));
        }

        void freeExcess(Predicate<Segment> may) {
            left.removeIf(s -> excess() > 0 && may.test(s) && freed(s));
        }

        private boolean freed(Segment segment) {
            freedBytes += segment.end.minus(segment.start);
            return freed.add(segment);
        }

        boolean anythingLeft() {
            return !left.isEmpty();
        }
    }
}
