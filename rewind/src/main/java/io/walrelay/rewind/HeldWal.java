package io.walrelay.rewind;

import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalSource;
import java.io.IOException;
import java.util.Optional;

/**
 * The WAL that somebody holds on a rewind's behalf, a relay above all. Thread-safe.
 *
 * <p>"Not there" is a value, "could not look" an {@link IOException}: a fault must never look like the end of WAL.
 */
public interface HeldWal {

    /** The lineage that {@code timeline} names; empty when it is not known, or timeline 1's number was never left. */
    Optional<TimelineHistory> lineage(TimelineId timeline) throws IOException;

    /** The bytes of {@code lineage}, for one reader on one thread. Positions that are not held read as no byte. */
    WalSource along(TimelineHistory lineage);
}
