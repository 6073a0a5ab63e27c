package io.walrelay.cache.verify;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import java.util.List;
import java.util.Optional;

/**
 * What was found.
 *
 * @param branches the relay's own lineage, or else the newest, comes first; each after the one that it parted from
 * @param moreProblems how many were found that are too many to be told
 * @param unread what could not be looked at, which says nothing about it
 * @param vanished files that went away while this was read: retention had freed them
 * @param bytes what was read
 * @param quick whether only names and lengths were looked at
 */
public record Report(
        SystemId system,
        SegmentSize segmentSize,
        List<Branch> branches,
        List<Problem> problems,
        long moreProblems,
        List<Unread> unread,
        List<StoredFile> vanished,
        long bytes,
        boolean quick) {

    public Report {
        branches = List.copyOf(branches);
        problems = List.copyOf(problems);
        unread = List.copyOf(unread);
        vanished = List.copyOf(vanished);
    }

    /** Whether there may be lineages besides {@link #branches}: a history is missing, or could not be read, or a tier could not be listed. */
    public boolean mayHaveOtherLineages() {
        return problems.stream().anyMatch(Problem.MissingHistory.class::isInstance) || unread.stream().anyMatch(what -> what.span().isEmpty());
    }

    /**
     * Contiguous log, all of whose records are good.
     *
     * @param from where the first record starts that can be proved, or the beginning of its segment if none goes on there
     * @param to where the last one ends
     * @param heldFrom before {@code from} when the rest of a record comes first whose beginning is not there: it can't be proved
     */
    public record Range(Lsn from, Lsn to, Lsn heldFrom) {
        boolean contains(Lsn lsn) {
            return lsn.isAtLeast(from) && lsn.isBefore(to);
        }
    }

    /** What a lineage is to the others. */
    public enum Standing {
        /** The one that the relay follows; without a data directory, the newest. */
        OWN,
        /** WAL past a fork on the side that lost. */
        ORPHAN
    }

    /**
     * A lineage that something is kept of.
     *
     * @param parent the id of the lineage that it parts from
     * @param fork where; what lies before is the parent's
     * @param end why there is no more; empty when nothing was read
     */
    public record Branch(TimelineHistory lineage, Standing standing, Optional<String> parent, Optional<Lsn> fork, List<Range> ranges, Optional<String> end) {
        public Branch {
            ranges = List.copyOf(ranges);
        }
    }

    /**
     * Something that could not be looked at.
     *
     * @param what a file or a tier
     * @param span the part of the log that is unknown for that reason; empty: any
     */
    public record Unread(String what, String reason, Optional<Span> span) {}
}
