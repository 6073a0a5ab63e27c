package io.walrelay.proxy.acknowledge;

import io.walrelay.cache.Orphan;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.Slot;
import io.walrelay.wal.Lsn;

/** What a slot tells of a standby that is away, over a restart of the relay too. */
public final class Remembered {

    private Remembered() {}

    /**
     * What the slot's standby surely has of the lineage that is followed. A position that it confirmed, and that was saved, is on its disk; any other proves
     * nothing. Past a fork it can't be told whether a position lies on this side or on the other, so it counts up to the fork only.
     *
     * @return {@link Lsn#INVALID} when the slot says nothing
     */
    public static Lsn flushed(WalCache cache, Slot slot) {
        return slot.confirmed() ? cache.orphans().stream().map(Orphan::fork).reduce(slot.restartLsn(), Lsn::min) : Lsn.INVALID;
    }
}
