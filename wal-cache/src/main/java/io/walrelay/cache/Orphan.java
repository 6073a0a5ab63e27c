package io.walrelay.cache;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;

/**
 * WAL past a fork on the side that lost.
 *
 * @param lineage the history it belongs to
 * @param fork the first position that the winning side does not share
 * @param end where the relay's copy of it ends
 * @param acknowledged whether bytes past the fork had been reported upstream as flushed: commits may be lost
 * @param accepted whether an operator has said, knowing of it, that the other side is the right one
 */
public record Orphan(TimelineHistory lineage, Lsn fork, Lsn end, boolean acknowledged, boolean accepted) {

    /** Whether commits may be lost and nobody has said yet that this is known. */
    public boolean alarming() {
        return acknowledged && !accepted;
    }

    Orphan acceptedNow() {
        return new Orphan(lineage, fork, end, acknowledged, true);
    }
}
