package io.walrelay.cache;

import io.walrelay.cache.slot.FailoverSlot;
import io.walrelay.cache.slot.Mirroring;
import io.walrelay.cache.slot.Reach;
import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.cache.slot.SlotImport;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.cache.slot.Slots;
import io.walrelay.cache.slot.WalStatus;
import io.walrelay.protocol.command.SlotName;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

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
     * Creates a temporary slot that keeps all WAL that is held.
     *
     * @param pid of the session that it goes with
     * @throws io.walrelay.protocol.command.CommandError when no slot may be called so
     */
    public Slot createForAll(String name, int pid) throws SlotException, IOException {
        String valid = new SlotName(name).value();
        synchronized (filing) {
            return cache.slots().create(valid, true, cache.oldest(), pid);
        }
    }

    /**
     * Creates a slot that reserves what another one does (slotfuncs.c, pg_copy_physical_replication_slot).
     *
     * @param temporary whether the copy is; as its source is when that is not said
     * @throws io.walrelay.protocol.command.CommandError when no slot may be called so
     */
    public Slot copy(String source, String name, Optional<Boolean> temporary, int pid) throws SlotException, IOException {
        synchronized (filing) {
            Slot made = cache.slots().copy(source, name, temporary, pid);
            // Looked at with the copy there, which keeps it from now on.
            if (isLost(made, reach())) {
                cache.slots().drop(name, pid);
                throw SlotException.copyOfLost(source);
            }
            return made;
        }
    }

    /**
     * Moves a slot forward, at most to where WAL is flushed (slotfuncs.c, pg_replication_slot_advance).
     *
     * @return where it is then
     */
    public Lsn advance(String name, Lsn to, int pid) throws SlotException, IOException {
        synchronized (filing) {
            return cache.slots().advance(name, Lsn.min(to, cache.end().flushed()), pid);
        }
    }

    /**
     * Takes over slots of another server of this cluster, all that can be or, when the disk fails, none.
     *
     * @param wanted each name once
     * @param server whose they are
     * @return what became of each, in their order
     */
    public List<SlotImport> take(List<SlotImport.Wanted> wanted, SlotImport.Server server) throws SlotException, IOException {
        synchronized (filing) {
            Set<String> existing = cache.slots().all().stream().map(Slot::name).collect(Collectors.toSet());
            List<SlotImport> decided = decide(wanted, server, existing);
            Map<String, Lsn> taken = new TreeMap<>();
            for (SlotImport slot : decided) {
                if (slot instanceof SlotImport.Taken(var name, var from)) {
                    taken.put(name, from);
                }
            }
            cache.slots().createAll(taken);
            return withoutThoseThatCameTooLate(decided, decide(wanted, server, existing));
        }
    }

    private List<SlotImport> decide(List<SlotImport.Wanted> wanted, SlotImport.Server server, Set<String> existing) {
        Reach reach = reach();
        return wanted.stream().map(slot -> SlotImport.decide(slot, server, cache.end().lineage(), reach, existing)).toList();
    }

    /**
     * What is to leave the archive is forgotten before it is looked whether a slot needs it. So what is known to be there with the slot made is kept
     * for it; a slot for which it is not came too late, and goes again.
     */
    private List<SlotImport> withoutThoseThatCameTooLate(List<SlotImport> before, List<SlotImport> after) throws SlotException, IOException {
        List<SlotImport> left = new ArrayList<>();
        for (int i = 0; i < before.size(); i++) {
            boolean late = before.get(i) instanceof SlotImport.Taken && after.get(i) instanceof SlotImport.Refused;
            if (late) {
                cache.slots().drop(before.get(i).name(), Slots.NO_SESSION);
            }
            left.add(late ? after.get(i) : before.get(i));
        }
        return List.copyOf(left);
    }

    /**
     * Notes which slots nobody uses, and lets go those that nobody used for too long.
     *
     * @return those that were let go now
     */
    public List<Slot> timeOut(Instant now) {
        return cache.slots().timeOut(now, limits);
    }

    /**
     * Keeps nothing for upstream's failover slots any more, if they could not be read for too long; until they are seen again.
     *
     * @param unreadSince when they could not be read for the first time
     * @return the names of those that were let go now
     */
    public List<String> timeOutFailoverSlots(Instant unreadSince, Instant now) {
        List<String> known = cache.failoverSlots().all().stream().map(FailoverSlot::name).toList();
        if (known.isEmpty() || !limits.isOver(unreadSince, now)) {
            return List.of();
        }
        cache.failoverSlots().see(new FailoverSlots.Seen(cache.end().lineage(), List.of()));
        return known;
    }

    /**
     * Slots that are not marked lost though no tier is known to have their WAL: it was freed while the archive could not be asked, or went from there
     * when the slot had been let go. What is known of the archive may be behind the truth.
     */
    List<Slot> withoutKnownWal() {
        Reach reach = reach();
        return cache.slots().all().stream().filter(slot -> slot.needsWal() && isLost(slot, reach)).toList();
    }

    /**
     * Marks lost the slots {@link #withoutKnownWal} of which the archive has said that it lacks theirs. Not those that somebody uses: a standby that got that
     * WAL elsewhere takes its slot past it. While files change places, nothing is proved by one that is not there: the caller sees to it that none do.
     *
     * @return those that are lost now
     */
    List<String> markLost() {
        TimelineHistory lineage = cache.end().lineage();
        List<Slot> gone = withoutKnownWal().stream()
                .filter(slot -> cache.archive().filter(archive -> archive.lacks(lineage, slot.restartLsn())).isPresent())
                // Before a gap the disk may have it nevertheless.
                .filter(slot -> cache.files().locate(lineage, slot.restartLsn()).isEmpty())
                .toList();
        return cache.slots().markLostUnlessUsed(gone);
    }

    /**
     * Brings the slots that are at home with a peer in step with it.
     *
     * @param seen this relay's slots as they were before the peer was asked: one that has changed since waits for the next answer
     * @param peer of this cluster, and of {@link Mirroring#areOneHistory one history} with the relay's WAL
     * @return what was done, and what can't be
     */
    public List<Mirroring> mirror(List<Slot> seen, Mirroring.Peer peer) throws IOException {
        Slots slots = cache.slots();
        String relay = slots.relayId();
        synchronized (filing) {
            EndOfWal end = cache.end();
            List<Mirroring> done = Mirroring.decide(new Mirroring.Ours(relay, seen, end.lineage(), end.flushed(), reach()), peer).stream()
                    .filter(step -> step instanceof Mirroring.NotMade || slots.apply(step))
                    // Looked at again with the slot there, as a copy is.
                    .filter(step -> !(step instanceof Mirroring.Create(var made) && isLost(made, reach()) && slots.apply(new Mirroring.Drop(made))))
                    .toList();
            if (done.stream().anyMatch(Mirroring::changesMoreThanThePosition)) {
                slots.save();
            }
            return done;
        }
    }

    private boolean isLost(Slot slot, Reach reach) {
        return WalStatus.of(slot, reach, limits).equals(Optional.of(WalStatus.LOST));
    }

    /** All slots with what is kept for them, by name. */
    public List<SlotStatus> statuses() {
        Reach reach = reach();
        return cache.slots().all().stream().map(slot -> SlotStatus.of(slot, reach, limits)).toList();
    }

    private Reach reach() {
        Optional<Lsn> archivedFrom = cache.archive().flatMap(CacheArchive::reliable).map(archiver -> archiver.status().from());
        return new Reach(cache.oldest(), cache.end().written(), archivedFrom, cache.archive().isPresent() && archivedFrom.isEmpty());
    }
}
