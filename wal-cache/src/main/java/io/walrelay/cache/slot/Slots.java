package io.walrelay.cache.slot;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.protocol.command.SlotName;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.Xmins;
import java.io.IOException;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The relay's slots and their file, {@code slots} in the data directory. What is made, dropped or advanced is durable at
 * once; what standbys confirm is saved now and then, so that after a crash a slot may be behind what it was, never ahead. Thread-safe.
 *
 * <p>Two locks: the monitor guards what is in memory and is never held while the disk works, so that the methods without
 * IOException are fit for an event loop. {@code writing} lets one thread write at a time; it is taken first.
 */
public final class Slots {

    /** As many as fit a screen many times over; each costs a few hundred bytes. */
    public static final int LIMIT = 10_000;

    /** In the place of a session's pid, for who has none: the HTTP port. PostgreSQL's are above it. */
    public static final int NO_SESSION = 0;

    private final DurableFiles files;
    private final Object writing = new Object();
    private final Map<String, Slot> slots = new TreeMap<>();
    private final String relayId;
    private volatile boolean relayIdSaved;
    /** Grows with each change of what is in the file. */
    private long version;
    /** The file has all changes up to this version. Guarded by {@code writing}. */
    private long savedVersion;

    /** What the file is to hold, and as of which version. */
    private record Snapshot(List<Slot> persistent, long version) {}

    private Slots(DurableFiles files, SlotsFile found) {
        this.files = files;
        this.relayIdSaved = !found.relayId().isEmpty();
        this.relayId = relayIdSaved ? found.relayId() : HexFormat.of().toHexDigits(new SecureRandom().nextLong());
        found.slots().forEach(slot -> slots.put(slot.name(), slot));
    }

    public static Slots load(DurableFiles files) throws IOException {
        return new Slots(files, SlotsFile.read(files));
    }

    /** What tells these slots from those of another relay, and of this one with a data directory made anew; it is durable when it returns. */
    public String relayId() throws IOException {
        if (!relayIdSaved) {
            synchronized (this) {
                version++;
            }
            save();
            relayIdSaved = true;
        }
        return relayId;
    }

    public synchronized List<Slot> all() {
        return List.copyOf(slots.values());
    }

    public synchronized Optional<Slot> find(String name) {
        return Optional.ofNullable(slots.get(name));
    }

    /**
     * Makes a slot. A temporary one belongs to session {@code pid} and goes with it.
     *
     * @param restartLsn from where it reserves WAL; {@link Lsn#INVALID} for not yet
     */
    public Slot create(String name, boolean temporary, Lsn restartLsn, int pid) throws SlotException, IOException {
        Slot made;
        synchronized (this) {
            made = add(name, temporary, restartLsn, pid);
        }
        saveNew(List.of(made));
        return made;
    }

    /**
     * Makes a slot that reserves what another one does at this moment (slotfuncs.c, copy_replication_slot).
     *
     * @param temporary whether the copy is; as its source is when that is not said
     */
    public Slot copy(String source, String name, Optional<Boolean> temporary, int pid) throws SlotException, IOException {
        Slot made;
        synchronized (this) {
            Slot copied = slots.get(source);
            if (copied == null) {
                throw SlotException.missing(source);
            }
            if (copied.lost()) {
                throw SlotException.copyOfLost(source);
            }
            if (!copied.restartLsn().isValid()) {
                throw SlotException.copyOfUnreserved();
            }
            made = add(new SlotName(name).value(), temporary.orElse(copied.temporary()), copied.restartLsn(), pid);
        }
        saveNew(List.of(made));
        return made;
    }

    /** Makes persistent slots, all or, but for those that are in use by then, none of them, also when the power fails: where each begins, by its name. */
    public void createAll(Map<String, Lsn> restartLsns) throws SlotException, IOException {
        List<Slot> made = new ArrayList<>();
        synchronized (this) {
            for (String name : restartLsns.keySet()) {
                if (slots.containsKey(name)) {
                    throw SlotException.exists(name);
                }
            }
            if (slots.size() + restartLsns.size() > LIMIT) {
                throw SlotException.tooMany(LIMIT);
            }
            for (Map.Entry<String, Lsn> slot : restartLsns.entrySet()) {
                made.add(add(slot.getKey(), false, slot.getValue(), NO_SESSION));
            }
        }
        saveNew(made);
    }

    private Slot add(String name, boolean temporary, Lsn restartLsn, int pid) throws SlotException {
        if (temporary && pid == NO_SESSION) {
            throw new IllegalArgumentException("slot \"%s\" would be temporary, and there is no session that it could go with; expected a persistent one".formatted(name));
        }
        if (slots.containsKey(name)) {
            throw SlotException.exists(name);
        }
        if (slots.size() >= LIMIT) {
            throw SlotException.tooMany(LIMIT);
        }
        Slot made = Slot.made(name, temporary, restartLsn, temporary ? OptionalInt.of(pid) : OptionalInt.empty());
        put(made);
        return made;
    }

    /** What can't be saved was not made; unless a standby has come to use it by then, which must not lose it without a word: that is saved later. */
    private void saveNew(List<Slot> made) throws IOException {
        if (made.stream().allMatch(Slot::temporary)) {
            return;
        }
        try {
            save();
        } catch (IOException e) {
            synchronized (this) {
                made.forEach(slot -> slots.computeIfPresent(slot.name(), (_, now) -> wasUsed(now, slot) ? now : null));
                version++;
            }
            throw e;
        }
    }

    private static boolean wasUsed(Slot now, Slot made) {
        return !now.activePid().equals(made.activePid()) || !now.restartLsn().equals(made.restartLsn()) || !now.furthestSent().equals(made.furthestSent());
    }

    /**
     * Moves a slot that no other session uses forward, never back (slotfuncs.c, pg_replication_slot_advance); where it is then says nothing of
     * its standby. Durable when it returns; when it can't be saved, what a restart would find is kept.
     *
     * @return where the slot is then
     */
    public Lsn advance(String name, Lsn to, int pid) throws SlotException, IOException {
        synchronized (this) {
            if (!to.isValid()) {
                throw SlotException.nowhere();
            }
            Slot slot = requireFree(name, pid);
            if (!slot.needsWal()) {
                throw SlotException.neverReserved(name);
            }
            if (to.isBefore(slot.restartLsn())) {
                throw SlotException.backwards(to, slot.restartLsn());
            }
            // It is used for a moment, so its time of inactivity begins anew.
            change(name, s -> s.withRestart(to).withConfirmed(s.confirmed() && to.equals(s.restartLsn())).usedBy(s.activePid()));
        }
        save();
        return to;
    }

    /**
     * Notes which slots nobody uses, and lets go those that nobody used for too long. That stays in memory: a restart begins
     * to count anew, as it does in PostgreSQL.
     *
     * @return those that were let go now
     */
    public synchronized List<Slot> timeOut(Instant now, SlotLimits limits) {
        List<Slot> late = new ArrayList<>();
        slots.replaceAll((_, slot) -> {
            Slot seen = slot.seen(now, limits);
            if (seen.timedOut() && !slot.timedOut()) {
                late.add(seen);
            }
            return seen;
        });
        return late;
    }

    /** Removes a slot that no other session uses. */
    public void drop(String name, int pid) throws SlotException, IOException {
        Slot slot;
        synchronized (this) {
            slot = requireFree(name, pid);
            slots.remove(name);
            version++;
        }
        if (!slot.temporary()) {
            try {
                save();
            } catch (IOException e) {
                synchronized (this) {
                    slots.putIfAbsent(name, slot);
                    version++;
                }
                throw e;
            }
        }
    }

    /** Gives the slot to session {@code pid}, until {@link #release}. */
    public synchronized Slot acquire(String name, int pid) throws SlotException {
        Slot slot = requireFree(name, pid);
        if (slot.lost()) {
            throw SlotException.lost(name);
        }
        Slot used = slot.usedBy(OptionalInt.of(pid));
        if (used.home().equals(slot.home())) {
            slots.put(name, used);
        } else {
            put(used);
        }
        return used;
    }

    /** Ends the use of a persistent slot by a session. Its own temporary slots it keeps until {@link #sessionEnded}. */
    public synchronized void release(String name, int pid) {
        Slot slot = slots.get(name);
        if (slot != null && !slot.temporary() && slot.activePid().equals(OptionalInt.of(pid))) {
            slots.put(name, slot.usedBy(OptionalInt.empty()));
        }
    }

    /** Lets go of all that session {@code pid} had; its temporary slots are gone. */
    public synchronized void sessionEnded(int pid) {
        OptionalInt owner = OptionalInt.of(pid);
        slots.values().removeIf(s -> s.temporary() && s.activePid().equals(owner));
        slots.replaceAll((name, s) -> s.activePid().equals(owner) ? s.usedBy(OptionalInt.empty()) : s);
    }

    /**
     * The standby of session {@code pid} has everything before {@code flushed} (walsender.c, PhysicalConfirmReceivedLocation).
     * As there, a position may move back: a standby that was restored from an older backup needs the WAL from there on again.
     * It does so only to where WAL is held: further back there is nothing to keep. The slot stays ahead of its standby then, and counts
     * as {@link Slot#confirmed} no more. Nothing happens when the slot is not the session's.
     *
     * @param oldest the oldest WAL that is held
     * @return whether the caller should see to a {@link #save} soon, elsewhere when it must not wait for the disk: as a crash
     *     would leave the slot, it would hold nothing, or not enough
     */
    public synchronized boolean confirm(String name, int pid, Lsn flushed, Lsn oldest) {
        return move(slots.get(name), pid, flushed, oldest, true);
    }

    private boolean move(@Nullable Slot before, int pid, Lsn to, Lsn oldest, boolean confirmed) {
        if (before == null || !before.activePid().equals(OptionalInt.of(pid))) {
            return false;
        }
        boolean back = to.isBefore(before.restartLsn());
        if (back && to.isBefore(oldest)) {
            change(before.name(), s -> s.withConfirmed(false));
            return false;
        }
        change(before.name(), s -> s.withRestart(to).withConfirmed(confirmed));
        return !before.temporary() && (back || !before.restartLsn().isValid());
    }

    /**
     * Session {@code pid} streams from {@code start} on: what it may still ask for moves back to there, never forward.
     *
     * @return as {@link #confirm}
     */
    public synchronized boolean startsAt(String name, int pid, Lsn start, Lsn oldest) {
        Slot slot = slots.get(name);
        return slot != null && start.isBefore(slot.restartLsn()) && move(slot, pid, start, oldest, slot.confirmed());
    }

    /**
     * The standby of session {@code pid} wants rows kept on the primary (walsender.c, PhysicalReplicationSlotNewXmin). Nothing happens when the slot is
     * not the session's.
     *
     * @return whether the caller should see to a {@link #save} soon: as a crash would leave the slot, it would keep none
     */
    public synchronized boolean feedback(String name, int pid, Xmins reported) {
        Slot before = slots.get(name);
        if (before == null || !before.activePid().equals(OptionalInt.of(pid))) {
            return false;
        }
        change(name, s -> s.withXmins(s.xmins().reported(reported)));
        return !before.temporary() && before.xmins().isNone() && !reported.isNone();
    }

    /** Slots that keep rows on the primary from being removed. */
    public synchronized List<Slot> thatHoldXids() {
        return slots.values().stream().filter(Slot::holdsXids).toList();
    }

    /**
     * Does what a peer's slots ask for, if the slot is what that was decided of. Durable with the next {@link #save}.
     *
     * @return whether it was done
     */
    public synchronized boolean apply(Mirroring step) {
        return switch (step) {
            case Mirroring.Create(var made) when slots.containsKey(made.name()) || slots.size() >= LIMIT -> false;
            case Mirroring.Create(var made) -> replace(made);
            case Mirroring.Follow(var before, var after) -> before.equals(slots.get(before.name())) && replace(after);
            case Mirroring.Adopt(var before, var after) -> before.equals(slots.get(before.name())) && replace(after);
            case Mirroring.Drop(var before) -> {
                boolean dropped = slots.remove(before.name(), before);
                version += dropped ? 1 : 0;
                yield dropped;
            }
            case Mirroring.NotMade _ -> false;
        };
    }

    private boolean replace(Slot after) {
        Slot before = slots.put(after.name(), after);
        version += before == null || !after.isInFileAs(before) ? 1 : 0;
        return true;
    }

    /** WAL up to {@code end} was sent to the slot's standby. */
    public synchronized void sent(String name, Lsn end) {
        change(name, s -> end.isAfter(s.furthestSent()) ? s.withFurthestSent(end) : s);
    }

    /** WAL that the slot needs is given up. */
    public void markLost(String name) throws IOException {
        synchronized (this) {
            change(name, Slot::asLost);
        }
        save();
    }

    /**
     * Of these, marks lost those that are as they were seen and that nobody uses. Durable with the next {@link #save}: until then a crash leaves them as they were.
     *
     * @return their names
     */
    public synchronized List<String> markLostUnlessUsed(List<Slot> seen) {
        List<String> lost = new ArrayList<>();
        for (Slot before : seen) {
            Slot now = slots.get(before.name());
            if (now != null && now.activePid().isEmpty() && now.needsWal() && now.restartLsn().equals(before.restartLsn())) {
                put(now.asLost());
                lost.add(now.name());
            }
        }
        return lost;
    }

    /** Makes all that was changed before the call durable; waits for the disk when there is something. */
    public void save() throws IOException {
        long wanted;
        synchronized (this) {
            wanted = version;
        }
        synchronized (writing) {
            if (savedVersion >= wanted) {
                return; // Somebody else's write had it all.
            }
            Snapshot snapshot = snapshot();
            new SlotsFile(relayId, snapshot.persistent()).write(files);
            savedVersion = snapshot.version();
            synchronized (this) {
                snapshot.persistent().forEach(written ->
                        slots.computeIfPresent(written.name(), (_, s) -> s.temporary() ? s : s.withSaved(written.restartLsn())));
            }
        }
    }

    private synchronized Snapshot snapshot() {
        return new Snapshot(slots.values().stream().filter(s -> !s.temporary()).toList(), version);
    }

    private void put(Slot slot) {
        slots.put(slot.name(), slot);
        version++;
    }

    private void change(String name, UnaryOperator<Slot> change) {
        Slot before = slots.get(name);
        if (before != null) {
            Slot after = change.apply(before);
            if (!after.equals(before)) {
                put(after);
            }
        }
    }

    private Slot requireFree(String name, int pid) throws SlotException {
        Slot slot = slots.get(name);
        if (slot == null) {
            throw SlotException.missing(name);
        }
        if (slot.activePid().isPresent() && slot.activePid().getAsInt() != pid) {
            throw SlotException.active(name, slot.activePid().getAsInt());
        }
        return slot;
    }
}
