package io.walrelay.cache.verify;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * The segments along a lineage, over all its timelines.
 *
 * <pre>
 *   timeline 1   │ 3 │ 4 │ 5·············    left inside segment 5
 *   timeline 2           │ 5 │ 6 │ 7 │       its 5 begins with what it shares with timeline 1's
 * </pre>
 *
 * @param stretches one for each timeline that has bytes, the newest first
 */
record Course(TimelineHistory lineage, SegmentSize size, List<Stretch> stretches) {

    /**
     * Where a lineage's own files lie on the way.
     *
     * @param limit what lies from there on is not of the way
     */
    record Stretch(LineageFiles files, long first, long last, Lsn limit) {
        boolean covers(long number) {
            return number >= first && number <= last;
        }

        OptionalLong atLeast(long number) {
            OptionalLong found = files.atLeast(Math.max(first, number));
            return found.isPresent() && found.getAsLong() <= last ? found : OptionalLong.empty();
        }
    }

    /** A file and how far its bytes are of the way. */
    record Copy(StoredFile file, Lsn limit) {}

    private static final Lsn NO_LIMIT = Lsn.LAST;

    static Course of(TimelineHistory lineage, SegmentSize size, Inventory inventory) {
        List<Stretch> stretches = new ArrayList<>();
        Lsn begin = Lsn.INVALID;
        for (TimelineHistory.Ancestor ancestor : lineage.ancestors()) {
            if (ancestor.switchPoint().isAfter(begin)) {
                LineageFiles files = inventory.filesOf(lineage.upTo(ancestor.timeline()));
                stretches.addFirst(new Stretch(files, size.segmentNumber(begin), size.segmentNumber(ancestor.switchPoint().plus(-1)), ancestor.switchPoint()));
                begin = ancestor.switchPoint();
            }
        }
        stretches.addFirst(new Stretch(inventory.filesOf(lineage), size.segmentNumber(begin), Long.MAX_VALUE, NO_LIMIT));
        return new Course(lineage, size, List.copyOf(stretches));
    }

    /** What there is of a segment: the newest timeline's first, since it has the bytes of those before, too. */
    List<Copy> copies(long number) {
        return stretches.stream()
                .filter(stretch -> stretch.covers(number))
                .flatMap(stretch -> stretch.files.of(number).stream().map(file -> new Copy(file, stretch.limit)))
                .toList();
    }

    /** The segment's file of the newest timeline that has bytes of it. */
    SegmentId newest(long number) {
        return new SegmentId(stretchOf(number).files.lineage().timeline(), number);
    }

    TimelineHistory lineageOf(long number) {
        return stretchOf(number).files.lineage();
    }

    private Stretch stretchOf(long number) {
        return stretches.stream().filter(stretch -> stretch.covers(number)).findFirst().orElse(stretches.getFirst());
    }

    /** Whether a tier has all of a segment that there is on this way. */
    boolean hasWhole(long number, Tier tier) {
        return stretchOf(number).files.hasWhole(number, tier);
    }

    boolean has(long number) {
        return !copies(number).isEmpty();
    }

    /** The first segment at or after {@code number} that something is there of. */
    OptionalLong atLeast(long number) {
        return stretches.stream().map(stretch -> stretch.atLeast(number)).flatMapToLong(OptionalLong::stream).min();
    }

    /** The first segment at or after {@code number} of which a tier has all that there is. */
    OptionalLong wholeAtLeast(long number, Tier tier) {
        OptionalLong next = atLeast(number);
        while (next.isPresent() && !hasWhole(next.getAsLong(), tier)) {
            next = atLeast(next.getAsLong() + 1);
        }
        return next;
    }
}
