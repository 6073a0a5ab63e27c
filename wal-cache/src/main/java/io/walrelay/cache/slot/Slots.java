package io.walrelay.cache.slot;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/**
 * The relay's slots and their file, {@code slots} in the data directory. Creating and dropping is durable at once; positions
 * are saved now and then, so that after a crash a slot may be behind what it was, never ahead. Thread-safe.
 */
public final class Slots {

    /** As many as fit a screen many times over; each costs a few hundred bytes. */
    public static final int LIMIT = 10_000;

    private static final String PATH = "slots";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALSLOTS", 1);

    private final DurableFiles files;
    private final Map<String, Slot> slots = new TreeMap<>();
    private boolean unsaved;

    private Slots(DurableFiles files) {
        this.files = files;
    }

    public static Slots load(DurableFiles files) throws IOException {
        Slots slots = new Slots(files);
        Optional<byte[]> body = files.read(PATH, FORMAT);
        if (body.isPresent()) {
            try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body.get()))) {
                for (int n = in.readInt(); n > 0; n--) {
                    String name = in.readUTF();
                    Lsn restart = new Lsn(in.readLong());
                    Lsn furthest = new Lsn(in.readLong());
                    slots.slots.put(name, new Slot(name, false, restart, restart, furthest, OptionalInt.empty(), in.readBoolean()));
                }
            }
        }
        return slots;
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
    public synchronized void create(String name, boolean temporary, Lsn restartLsn, int pid) throws SlotException, IOException {
        if (slots.containsKey(name)) {
            throw SlotException.exists(name);
        }
        if (slots.size() >= LIMIT) {
            throw SlotException.tooMany(LIMIT);
        }
        OptionalInt owner = temporary ? OptionalInt.of(pid) : OptionalInt.empty();
        slots.put(name, new Slot(name, temporary, restartLsn, restartLsn, Lsn.INVALID, owner, false));
        if (!temporary) {
            try {
                write();
            } catch (IOException e) {
                slots.remove(name);
                throw e;
            }
        }
    }

    /** Removes a slot that no other session uses. */
    public synchronized void drop(String name, int pid) throws SlotException, IOException {
        Slot slot = requireFree(name, pid);
        slots.remove(name);
        if (!slot.temporary()) {
            try {
                write();
            } catch (IOException e) {
                slots.put(name, slot);
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
        slots.put(name, used);
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

    /** The standby has everything before {@code flushed} (walsender.c, PhysicalConfirmReceivedLocation). Never moves back. */
    public synchronized void advance(String name, Lsn flushed) {
        Slot before = slots.get(name);
        boolean first = before != null && !before.temporary() && !before.restartLsn().isValid();
        change(name, s -> flushed.isAfter(s.restartLsn()) ? s.withRestart(flushed) : s);
        if (first) {
            saveFirstPosition();
        }
    }

    /** At once: with no position after a crash the slot would hold nothing at all. */
    private void saveFirstPosition() {
        try {
            write();
        } catch (IOException e) {
            // Still unsaved: the next save() tries again, and its caller reports.
            unsaved = true;
        }
    }

    /** WAL up to {@code end} was sent to the slot's standby. */
    public synchronized void sent(String name, Lsn end) {
        change(name, s -> end.isAfter(s.furthestSent()) ? s.withFurthestSent(end) : s);
    }

    /** WAL that the slot needs is given up. */
    public synchronized void markLost(String name) throws IOException {
        change(name, Slot::asLost);
        write();
    }

    /** Writes the positions if they changed since they were written last. */
    public synchronized void save() throws IOException {
        if (unsaved) {
            write();
        }
    }

    private void change(String name, UnaryOperator<Slot> change) {
        Slot before = slots.get(name);
        if (before != null) {
            Slot after = change.apply(before);
            if (!after.equals(before)) {
                slots.put(name, after);
                unsaved = true;
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

    private void write() throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(body)) {
            List<Slot> persistent = slots.values().stream().filter(s -> !s.temporary()).toList();
            out.writeInt(persistent.size());
            for (Slot slot : persistent) {
                out.writeUTF(slot.name());
                out.writeLong(slot.restartLsn().value());
                out.writeLong(slot.furthestSent().value());
                out.writeBoolean(slot.lost());
            }
        }
        files.write(PATH, FORMAT, body.toByteArray());
        slots.replaceAll((name, s) -> s.withSaved(s.restartLsn()));
        unsaved = false;
    }
}
