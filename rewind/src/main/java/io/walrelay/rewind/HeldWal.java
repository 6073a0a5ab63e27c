package io.walrelay.rewind;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.WalElsewhere;
import io.walrelay.rewind.plan.HeldChanges;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;

/**
 * The WAL that somebody holds on a rewind's behalf: a relay, from which the rewound server will stream, so that the rewind copies none.
 *
 * <p>"Not there" is a value, "could not look" an {@link IOException}: a fault must never look like the end of WAL.
 */
public interface HeldWal {

    /** What is held of {@code lineage}, an orphan's too. */
    WalElsewhere along(TimelineHistory lineage);

    /** What of {@code lineage} the one relay has from which the rewound server will stream. */
    WalElsewhere followed(TimelineHistory lineage);

    /** What is known of the changes of {@code lineage}'s WAL, an orphan's too. */
    HeldChanges changesAlong(TimelineHistory lineage);

    /** Histories, by timeline, before any lineage is known. */
    WalElsewhere histories();

    /**
     * Keeps WAL from {@code from} on for the rewound server.
     *
     * @param lineage the source's
     * @param reached how far the source has come on it
     * @throws RefusedException it is gone, of another cluster, or of a lineage that is not or no longer the source's
     */
    void reserve(SystemId system, TimelineHistory lineage, Lsn from, Lsn reached) throws IOException, RefusedException;

    /** Keeps that WAL no longer: nothing came of the rewind. */
    void release() throws IOException;
}
