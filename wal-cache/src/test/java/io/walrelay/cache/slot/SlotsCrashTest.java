package io.walrelay.cache.slot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.Xmins;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The machine dies before every single change of the disk that an operation on slots makes, and comes up in a state that POSIX allows. */
class SlotsCrashTest {

    private static final Lsn AT = Lsn.parse("0/3000000");
    private static final Lsn LATER = Lsn.parse("0/3000060");
    private static final Lsn EARLIER = Lsn.parse("0/2FFFFA0");
    private static final Xmins ROWS = new Xmins(new FullTransactionId(700), new FullTransactionId(650));
    private static final int STATES = 16;

    /** A session whose standby uses slot "used". */
    private static final int STANDBY = 7;

    private static final Home.Peer PEER = new Home.Peer("a", "http://a");
    private static final Map<String, String> BEFORE =
            Map.of("source", "0/3000000", "other", "0/3000000", "used", "0/3000000 confirmed", "mirror", "0/3000000 of http://a");

    interface Change {
        void make(Slots slots) throws SlotException, IOException;
    }

    /** What the slots' file may say after a crash: what it said before the operation, or after it. */
    record Operation(String name, Change change, Map<String, String> after) {

        /** With other slots, or without when that is "-". */
        static Operation of(String name, Change change, String... changed) {
            Map<String, String> after = new TreeMap<>(BEFORE);
            for (int i = 0; i < changed.length; i += 2) {
                after.put(changed[i], changed[i + 1]);
            }
            after.values().removeIf("-"::equals);
            return new Operation(name, change, after);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    /** Those that are done, durably or not at all, when they return. */
    static Stream<Operation> durableAtOnce() {
        return Stream.of(
                Operation.of("create", slots -> slots.create("made", false, LATER, 1), "made", "0/3000060"),
                Operation.of("copy", slots -> slots.copy("source", "copy", Optional.empty(), 1), "copy", "0/3000000"),
                Operation.of("copy of a temporary one", slots -> slots.copy("temporary", "copy", Optional.of(false), 1), "copy", "0/3000060"),
                Operation.of("advance", slots -> slots.advance("source", LATER, 1), "source", "0/3000060"),
                Operation.of("import", slots -> slots.createAll(Map.of("a", AT, "b", LATER)), "a", "0/3000000", "b", "0/3000060"),
                Operation.of("drop", slots -> slots.drop("source", 1), "source", "-"));
    }

    /** Those that hold at once and are saved soon after: here they are done when they are saved. */
    static Stream<Operation> savedSoon() {
        return Stream.of(
                saved("confirm", slots -> slots.confirm("used", STANDBY, LATER, AT), "used", "0/3000060 confirmed"),
                saved("confirm backwards", slots -> slots.confirm("used", STANDBY, EARLIER, EARLIER), "used", "0/2FFFFA0 confirmed"),
                saved("feedback", slots -> slots.feedback("used", STANDBY, ROWS), "used", "0/3000000 confirmed keeps 700/650"),
                saved("lose", slots -> slots.markLost("source"), "source", "0/3000000 lost"),
                saved("mirror a new one", slots -> slots.apply(new Mirroring.Create(Slot.mirrored("new", LATER, Home.at(PEER, 1)))), "new", "0/3000060 of http://a"),
                saved("mirror a move", slots -> {
                    Slot mirror = slots.find("mirror").orElseThrow();
                    slots.apply(new Mirroring.Follow(mirror, mirror.withRestart(LATER)));
                }, "mirror", "0/3000060 of http://a"),
                saved("mirror a drop", slots -> slots.apply(new Mirroring.Drop(slots.find("mirror").orElseThrow())), "mirror", "-"),
                saved("adopt a mirror", slots -> {
                    Slot mirror = slots.find("mirror").orElseThrow();
                    slots.apply(new Mirroring.Adopt(mirror, mirror.withHome(Home.HERE)));
                }, "mirror", "0/3000000"));
    }

    private static Operation saved(String name, Change change, String... changed) {
        return Operation.of(
                name,
                slots -> {
                    change.make(slots);
                    slots.save();
                },
                changed);
    }

    static Stream<Operation> operations() {
        return Stream.concat(durableAtOnce(), savedSoon());
    }

    private static Slots load(CrashableStorage disk) throws IOException {
        return Slots.load(new DurableFiles(disk));
    }

    private static Slots someSlots(CrashableStorage disk) throws Exception {
        Slots slots = load(disk);
        slots.create("source", false, AT, 1);
        slots.create("other", false, AT, 1);
        slots.create("used", false, AT, 1);
        slots.create("temporary", true, LATER, 1);
        slots.apply(new Mirroring.Create(Slot.mirrored("mirror", AT, Home.at(PEER, 1))));
        slots.acquire("used", STANDBY);
        slots.confirm("used", STANDBY, AT, AT);
        slots.save();
        return slots;
    }

    private static Map<String, String> told(Slots slots) {
        return slots.all().stream().collect(Collectors.toMap(Slot::name, slot -> slot.restartLsn()
                + (slot.confirmed() ? " confirmed" : "")
                + (slot.lost() ? " lost" : "")
                + (slot.xmins().isNone() ? "" : " keeps %d/%d".formatted(slot.xmins().xmin().value(), slot.xmins().catalogXmin().value()))
                + slot.home().elsewhere().map(home -> " of " + home.url()).orElse("")));
    }

    @ParameterizedTest
    @MethodSource("operations")
    void leavesTheSlotsAsBeforeOrAsAfterAndOnceItIsSaidToBeDoneAsAfter(Operation operation) throws Exception {
        CrashableStorage whole = new CrashableStorage();
        Slots complete = someSlots(whole);
        long begun = whole.operations();
        operation.change.make(complete);
        long changes = whole.operations() - begun;
        assertTrue(changes > 2, changes + " changes of the disk");
        for (long k = 1; k <= changes + 1; k++) {
            CrashableStorage disk = new CrashableStorage();
            Slots slots = someSlots(disk);
            disk.crashBeforeOperation(k);
            boolean done = true;
            try {
                operation.change.make(slots);
            } catch (IOException e) {
                done = false;
            }
            assertEquals(k > changes, done, "crash before change " + k);
            for (int seed = 0; seed < STATES; seed++) {
                Map<String, String> found = told(load(disk.crash(seed)));
                List<Map<String, String>> allowed = done ? List.of(operation.after) : List.of(BEFORE, operation.after);
                assertTrue(allowed.contains(found), "%s, crash before change %d, seed %d: %s".formatted(operation, k, seed, found));
            }
        }
    }

    /** What was not made must keep nothing, and what is kept in memory is what a restart would need. */
    @Test
    void whatADeadDiskDidNotTakeIsNotThere() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        Slots slots = someSlots(disk);
        disk.crashBeforeOperation(1);
        for (Operation operation : durableAtOnce().toList()) {
            try {
                operation.change.make(slots);
            } catch (IOException e) {
                continue;
            }
            throw new AssertionError(operation + " was done on a dead disk");
        }
        Map<String, String> kept = told(slots);
        assertEquals("0/3000060", kept.remove("temporary"));
        // It is where it was moved, and keeps what it did.
        assertEquals("0/3000060", kept.remove("source"));
        assertEquals(AT, slots.find("source").orElseThrow().reservedFrom());
        assertEquals(Set.of("other", "used", "mirror"), kept.keySet());
    }
}
