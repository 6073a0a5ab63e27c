package io.walrelay.cache.slot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The machine dies before every single change of the disk that an operation on slots makes, and comes up in a state that POSIX allows. */
class SlotsCrashTest {

    private static final Lsn AT = Lsn.parse("0/3000000");
    private static final Lsn LATER = Lsn.parse("0/3000060");
    private static final int STATES = 16;

    /** What the slots' file may say after a crash: what it said before the operation, or after it. */
    record Operation(String name, Change change, Map<String, Lsn> before, Map<String, Lsn> after) {
        interface Change {
            void make(Slots slots) throws SlotException, IOException;
        }

        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Operation> operations() {
        Map<String, Lsn> before = Map.of("source", AT, "other", AT);
        return Stream.of(
                new Operation("copy", slots -> slots.copy("source", "copy", Optional.empty(), 1), before, Map.of("source", AT, "other", AT, "copy", AT)),
                new Operation("advance", slots -> slots.advance("source", LATER, 1), before, Map.of("source", LATER, "other", AT)),
                new Operation(
                        "import",
                        slots -> slots.createAll(Map.of("a", AT, "b", LATER)),
                        before,
                        Map.of("source", AT, "other", AT, "a", AT, "b", LATER)),
                new Operation("drop", slots -> slots.drop("source", 1), before, Map.of("other", AT)));
    }

    private static Slots load(CrashableStorage disk) throws IOException {
        return Slots.load(new DurableFiles(disk));
    }

    private static Slots twoSlots(CrashableStorage disk) throws Exception {
        Slots slots = load(disk);
        slots.create("source", false, AT, 1);
        slots.create("other", false, AT, 1);
        return slots;
    }

    private static Map<String, Lsn> positions(Slots slots) {
        return slots.all().stream().collect(Collectors.toMap(Slot::name, Slot::restartLsn));
    }

    @ParameterizedTest
    @MethodSource("operations")
    void leavesTheSlotsAsBeforeOrAsAfterAndOnceItIsSaidToBeDoneAsAfter(Operation operation) throws Exception {
        CrashableStorage whole = new CrashableStorage();
        Slots complete = twoSlots(whole);
        long begun = whole.operations();
        operation.change.make(complete);
        long changes = whole.operations() - begun;
        assertTrue(changes > 2, changes + " changes of the disk");
        for (long k = 1; k <= changes + 1; k++) {
            CrashableStorage disk = new CrashableStorage();
            Slots slots = twoSlots(disk);
            disk.crashBeforeOperation(k);
            boolean done = true;
            try {
                operation.change.make(slots);
            } catch (IOException e) {
                done = false;
            }
            assertEquals(k > changes, done, "crash before change " + k);
            for (int seed = 0; seed < STATES; seed++) {
                Map<String, Lsn> found = positions(load(disk.crash(seed)));
                List<Map<String, Lsn>> allowed = done ? List.of(operation.after) : List.of(operation.before, operation.after);
                assertTrue(allowed.contains(found), "%s, crash before change %d, seed %d: %s".formatted(operation, k, seed, found));
            }
        }
    }

    /** What was not made must keep nothing, and what is kept in memory is what a restart would need. */
    @Test
    void whatADeadDiskDidNotTakeIsNotThere() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        Slots slots = twoSlots(disk);
        disk.crashBeforeOperation(1);
        for (Operation operation : operations().toList()) {
            try {
                operation.change.make(slots);
            } catch (IOException e) {
                continue;
            }
            throw new AssertionError(operation + " was done on a dead disk");
        }
        assertEquals(List.of("other", "source"), slots.all().stream().map(Slot::name).toList());
        assertTrue(slots.all().stream().allMatch(slot -> slot.reservedFrom().equals(AT)));
    }
}
