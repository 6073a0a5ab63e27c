package io.walrelay.rewind;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.WalElsewhere;
import io.walrelay.rewind.plan.HeldChanges;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.util.List;

/**
 * The WAL that somebody holds on a rewind's behalf: a relay, from which the rewound server will stream, so that the rewind copies none.
 *
 * <p>"Not there" is a value, "could not look" an {@link IOException}: a fault must never look like the end of WAL.
 */
public interface HeldWal {

    /**
     * Where several hold WAL, one by one; the first is the one from which the rewound server will stream. What two have under the same names may be other
     * bytes, so what is proved of one is of that one only.
     */
    List<HeldWal> each();

    /** What is held of {@code lineage}, an orphan's too. */
    WalElsewhere along(TimelineHistory lineage);

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
