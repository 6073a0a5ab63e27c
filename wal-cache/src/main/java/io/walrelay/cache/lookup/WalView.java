package io.walrelay.cache.lookup;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.util.List;
import java.util.Optional;

/**
 * What the relay knows when it is asked for one file, at one instant.
 *
 * @param own the relay's history
 * @param written where its WAL ends
 * @param copy its own file of the segment that is asked for
 * @param orphans what lies past forks
 */
public record WalView(TimelineHistory own, Lsn written, SegmentSize size, Optional<Copy> copy, List<Orphaned> orphans, Archived archive) {

    public WalView {
        orphans = List.copyOf(orphans);
    }

    /**
     * A segment's file on the disk.
     *
     * @param end where its WAL ends: at the end of the segment when it is whole; else at a gap, at a switch point or at the end of WAL
     */
    public record Copy(boolean whole, Lsn end) {}

    /** WAL past a fork, and the segment that is asked for as far as it lies there. */
    public record Orphaned(TimelineHistory lineage, Optional<Copy> copy) {}

    /** The archive, and which lineages it has something of. */
    public sealed interface Archived {
        /** There is no archive. */
        record None() implements Archived {}

        /** Which lineages it has is not known so far. */
        record NotAsked() implements Archived {}

        record Has(List<TimelineHistory> lineages) implements Archived {
            public Has {
                lineages = List.copyOf(lineages);
            }
        }
    }
}
