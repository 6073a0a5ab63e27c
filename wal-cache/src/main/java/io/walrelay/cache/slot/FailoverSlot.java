package io.walrelay.cache.slot;

import io.walrelay.wal.Lsn;
import java.util.Optional;

/**
 * A logical slot on upstream that standbys synchronise (slotsync.c, {@code failover} in pg_replication_slots), as it was seen last. No standby streams from it here: the
 * relay keeps the WAL that it needs, and that is all.
 *
 * @param database whose changes it decodes
 * @param twoPhase whether prepared transactions are decoded
 * @param restartLsn the oldest WAL that decoding may need; {@link Lsn#INVALID} once upstream has invalidated it
 * @param confirmedFlushLsn up to where its subscriber has everything
 * @param catalogXmin the oldest transaction whose effect on catalogs it needs, 32 bits without sign; 0 for none
 * @param invalidation upstream's invalidation_reason; empty while the slot is valid
 */
public record FailoverSlot(
        String name, String plugin, String database, boolean twoPhase, Lsn restartLsn, Lsn confirmedFlushLsn, long catalogXmin, Optional<String> invalidation) {

    /** Whether WAL is kept for it. */
    public boolean holds() {
        return invalidation.isEmpty() && restartLsn.isValid();
    }

    /** As it is once upstream has invalidated it. */
    public FailoverSlot invalidated(String reason) {
        return new FailoverSlot(name, plugin, database, twoPhase, Lsn.INVALID, confirmedFlushLsn, 0, Optional.of(reason));
    }
}
