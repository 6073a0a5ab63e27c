package io.walrelay.cache.verify;

import io.walrelay.cache.Gap;
import io.walrelay.cache.archive.ArchiveReader;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Finds segments that are missing between others. */
final class Gaps {

    private Gaps() {}

    /** A run of segments that are not there. {@code after}: the next that is. */
    private record Hole(long first, long after) {}

    /**
     * What no tier has.
     *
     * @param known WAL that the relay never got
     */
    static List<Problem.Gap> everywhere(BranchPlan plan, Inventory inventory, List<Gap> known) {
        return holes(plan.course(), plan.from(), known).stream().map(hole -> gap(plan.course(), inventory, hole, false, known)).toList();
    }

    /**
     * What the archive alone lacks.
     *
     * @throws IOException when it can't be asked
     */
    static List<Problem.Gap> inArchive(BranchPlan plan, Inventory inventory, ArchiveReader archive) throws IOException {
        List<Problem.Gap> gaps = new ArrayList<>();
        Course course = plan.course();
        for (Hole hole : holesInArchive(course, plan.from())) {
            // What was on its way when it was listed has come by now.
            long missing = hole.first;
            while (missing < hole.after && archive.has(file(course, inventory, missing).path())) {
                missing++;
            }
            if (missing < hole.after) {
                gaps.add(gap(course, inventory, new Hole(missing, hole.after), true, List.of()));
            }
        }
        return gaps;
    }

    /** A known gap that begins in a segment, of which there is a part then. */
    static Optional<Gap> beginIn(List<Gap> known, long number, SegmentSize size) {
        return known.stream().filter(gap -> gap.from().isValid() && size.segmentNumber(gap.from()) == number && size.offset(gap.from()) != 0).findFirst();
    }

    /** The relay that runs has two segments that are not whole while it goes on from one to the next. */
    private static List<Hole> holes(Course course, long from, List<Gap> known) {
        List<Hole> holes = new ArrayList<>();
        OptionalLong at = course.atLeast(from);
        while (at.isPresent()) {
            OptionalLong next = course.atLeast(at.getAsLong() + 1);
            if (next.isPresent()) {
                boolean goesOn = course.hasWhole(at.getAsLong(), Tier.DISK)
                        || course.hasWhole(at.getAsLong(), Tier.ARCHIVE)
                        || (next.getAsLong() == at.getAsLong() + 1 && beginIn(known, at.getAsLong(), course.size()).isEmpty());
                long missing = goesOn ? at.getAsLong() + 1 : at.getAsLong();
                if (missing < next.getAsLong()) {
                    holes.add(new Hole(missing, next.getAsLong()));
                }
            }
            at = next;
        }
        return holes;
    }

    /** What the archive lacks between two that it has, and the local disk has not lost. */
    private static List<Hole> holesInArchive(Course course, long from) {
        List<Hole> holes = new ArrayList<>();
        OptionalLong at = course.wholeAtLeast(from, Tier.ARCHIVE);
        while (at.isPresent()) {
            long missing = at.getAsLong() + 1;
            OptionalLong next = course.wholeAtLeast(missing, Tier.ARCHIVE);
            long after = missing;
            while (next.isPresent() && after < next.getAsLong() && course.hasWhole(after, Tier.DISK)) {
                after++;
            }
            if (next.isPresent() && after > missing) {
                holes.add(new Hole(missing, after));
            }
            at = next;
        }
        return holes;
    }

    private static StoredFile file(Course course, Inventory inventory, long number) {
        SegmentId id = course.newest(number);
        return inventory.archived(course.lineageOf(number), new WalFileName.Segment(id));
    }

    private static Problem.Gap gap(Course course, Inventory inventory, Hole hole, boolean onDisk, List<Gap> known) {
        SegmentSize size = course.size();
        Lsn from = size.start(hole.first);
        Lsn to = size.start(hole.after);
        // A known gap may begin within a segment that is there in part.
        Optional<Gap> expected = known.stream().filter(gap -> gap.from().isBefore(to) && gap.to().isAfter(from)).findFirst();
        Lsn begin = expected.map(gap -> Lsn.max(gap.from(), from)).orElse(from);
        String name = new WalFileName.Segment(course.newest(hole.first)).fileName(size);
        String path = onDisk ? file(course, inventory, hole.first).path() : name;
        return new Problem.Gap(path, new Span(course.lineage(), begin, to), hole.after - hole.first, onDisk, expected.isPresent());
    }
}
