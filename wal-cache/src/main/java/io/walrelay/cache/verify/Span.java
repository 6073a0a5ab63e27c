package io.walrelay.cache.verify;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;

/** A part of the log: {@code from}, up to and without {@code to}, of one lineage. */
public record Span(TimelineHistory lineage, Lsn from, Lsn to) {

    /** Whether both have a byte that is of both lineages. */
    boolean meets(Span other) {
        Lsn start = Lsn.max(from, other.from);
        Lsn end = Lsn.min(to, other.to);
        return start.isBefore(lineage.forkWith(other.lineage).map(fork -> Lsn.min(end, fork)).orElse(end));
    }
}
