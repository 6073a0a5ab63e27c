package io.walrelay.cache.slot;

import io.walrelay.wal.Lsn;
import java.util.OptionalInt;

/**
 * A physical replication slot (slot.c, pg_replication_slots).
 *
 * @param restartLsn the oldest WAL its standby may still ask for; {@link Lsn#INVALID} while it reserves none
 * @param savedRestartLsn {@code restartLsn} as a restart of the relay would find it; ahead of it only from where a standby went
 *     back until that is saved
 * @param furthestSent how far WAL was ever sent to its standby. One that asks for more got it elsewhere
 * @param activePid the session that uses it now
 * @param lost whether WAL that it needs was given up (wal_status lost)
 */
public record Slot(
        String name, boolean temporary, Lsn restartLsn, Lsn savedRestartLsn, Lsn furthestSent, OptionalInt activePid, boolean lost) {

    /** Whether it keeps WAL from being freed. */
    public boolean holds() {
        return !lost && restartLsn.isValid();
    }

    /** The oldest WAL that it keeps: what a restart of the relay would find it to need, if that is older. */
    public Lsn reservedFrom() {
        boolean savedIsOlder = !temporary && savedRestartLsn.isValid() && savedRestartLsn.isBefore(restartLsn);
        return savedIsOlder ? savedRestartLsn : restartLsn;
    }

    Slot withRestart(Lsn lsn) {
        return new Slot(name, temporary, lsn, savedRestartLsn, furthestSent, activePid, lost);
    }

    Slot withSaved(Lsn lsn) {
        return new Slot(name, temporary, restartLsn, lsn, furthestSent, activePid, lost);
    }

    Slot withFurthestSent(Lsn lsn) {
        return new Slot(name, temporary, restartLsn, savedRestartLsn, lsn, activePid, lost);
    }

    Slot usedBy(OptionalInt pid) {
        return new Slot(name, temporary, restartLsn, savedRestartLsn, furthestSent, pid, lost);
    }

    Slot asLost() {
        return new Slot(name, temporary, restartLsn, savedRestartLsn, furthestSent, activePid, true);
    }
}
