package io.walrelay.cache;

import io.walrelay.cache.slot.Reach;
import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.protocol.command.SlotName;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The slots, seen together with the WAL that they reserve. What makes one waits for the disk; what it reserves is held when it is there, since nothing
 * is freed meanwhile. Thread-safe.
 */
public final class Reservations {

    private final WalCache cache;
    private final SlotLimits limits;
    private final Object filing;

    /** @param filing held while files are deleted or change places */
    Reservations(WalCache cache, SlotLimits limits, Object filing) {
        this.cache = cache;
        this.limits = limits;
        this.filing = filing;
    }

    /**
     * Creates a slot (slotfuncs.c, pg_create_physical_replication_slot).
     *
     * @param reserve whether to keep WAL from now on, for a standby that is cloned now: from the redo of the last checkpoint, or else
     *     all that is held
     * @param pid of the session that a temporary one goes with
     * @throws io.walrelay.protocol.command.CommandError when no slot may be called so
     */
    public Slot create(String name, boolean temporary, boolean reserve, int pid) throws SlotException, IOException {
        String valid = new SlotName(name).value();
        Lsn redo = reserve ? cache.lastRedo() : Lsn.INVALID;
        synchronized (filing) {
            return cache.slots().create(valid, temporary, reserve ? Lsn.max(redo, cache.oldest()) : Lsn.INVALID, pid);
        }
    }

    /**
     * Notes which slots nobody uses, and lets go those that nobody used for too long.
     *
     * @return those that were let go now
     */
    public List<Slot> timeOut(Instant now) {
        return cache.slots().timeOut(now, limits);
    }

    /** All slots with what is kept for them, by name. */
    public List<SlotStatus> statuses() {
        Reach reach = reach();
        return cache.slots().all().stream().map(slot -> SlotStatus.of(slot, reach, limits)).toList();
    }

    private Reach reach() {
        Optional<Lsn> archivedFrom = cache.archive().flatMap(CacheArchive::archiving).map(archiver -> archiver.status().from());
        return new Reach(cache.oldest(), cache.end().written(), archivedFrom, cache.archive().isPresent() && archivedFrom.isEmpty());
    }
}
