package io.walrelay.cache.slot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class SlotsTest {

    private static final Lsn AT = Lsn.parse("0/3000000");
    private static final Lsn LATER = Lsn.parse("0/3000060");

    private final CrashableStorage disk = new CrashableStorage();
    private Slots slots = emptySlots(disk);

    private static Slots emptySlots(CrashableStorage disk) {
        try {
            return Slots.load(new DurableFiles(disk));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @BeforeEach
    void oneSlotThatSession7Uses() throws Exception {
        slots.create("s", false, AT, 7);
        slots.acquire("s", 7);
    }

    @Test
    void saysWhatPostgresqlSays() {
        expect("42710", "replication slot \"s\" already exists", () -> slots.create("s", false, AT, 8));
        expect("42704", "replication slot \"none\" does not exist", () -> slots.drop("none", 7));
        expect("42704", "replication slot \"none\" does not exist", () -> slots.acquire("none", 7));
        expect("55006", "replication slot \"s\" is active for PID 7", () -> slots.acquire("s", 8));
        expect("55006", "replication slot \"s\" is active for PID 7", () -> slots.drop("s", 8));
    }

    @Test
    void aLostSlotIsNoLongerUsedAndHoldsNothing() throws Exception {
        slots.release("s", 7);
        slots.markLost("s");
        expect("55000", "can no longer get changes from replication slot \"s\"", () -> slots.acquire("s", 7));
        assertFalse(slots.find("s").orElseThrow().holds());
        assertTrue(afterCrash().find("s").orElseThrow().lost());
    }

    @Test
    void aPositionNeverMovesBack() {
        slots.advance("s", LATER);
        slots.advance("s", AT);
        assertEquals(LATER, slots.find("s").orElseThrow().restartLsn());
    }

    @Test
    void keepsWhatARestartWouldNeedUntilThePositionIsSaved() throws Exception {
        slots.advance("s", LATER);
        assertEquals(AT, slots.find("s").orElseThrow().reservedFrom());
        assertEquals(AT, afterCrash().find("s").orElseThrow().restartLsn());
        slots.save();
        assertEquals(LATER, slots.find("s").orElseThrow().reservedFrom());
        assertEquals(LATER, afterCrash().find("s").orElseThrow().restartLsn());
    }

    @Test
    void aSlotWhosePositionWasNeverSavedKeepsFromItsPositionAndNotFromTheBeginningOfTime() throws Exception {
        slots.create("new", false, Lsn.INVALID, 7);
        assertFalse(slots.find("new").orElseThrow().holds());
        slots.advance("new", AT);
        assertEquals(AT, slots.find("new").orElseThrow().reservedFrom());
    }

    @Test
    void aTemporarySlotGoesWithItsSessionAndIsOnNoDisk() throws Exception {
        slots.create("t", true, AT, 7);
        slots.release("t", 7);
        expect("55006", "replication slot \"t\" is active for PID 7", () -> slots.acquire("t", 8));
        slots.save();
        assertTrue(afterCrash().find("t").isEmpty());
        slots.sessionEnded(7);
        assertTrue(slots.find("t").isEmpty());
        assertEquals(OptionalInt.empty(), slots.find("s").orElseThrow().activePid());
    }

    @Test
    void creatingAndDroppingIsDurableAtOnce() throws Exception {
        assertTrue(afterCrash().find("s").isPresent());
        slots.drop("s", 7);
        assertTrue(afterCrash().find("s").isEmpty());
    }

    @Test
    void aSlotThatCouldNotBeSavedIsNotThere() {
        disk.failNextSync(path -> path.startsWith("slots"));
        assertThrows(IOException.class, () -> slots.create("n", false, AT, 7));
        assertTrue(slots.find("n").isEmpty());
        disk.failNextSync(path -> path.startsWith("slots"));
        assertThrows(IOException.class, () -> slots.drop("s", 7));
        assertTrue(slots.find("s").isPresent());
    }

    @Test
    void thereIsALimitInPostgresqlsWords() throws Exception {
        for (int i = 1; i < Slots.LIMIT; i++) {
            slots.create("t" + i, true, AT, 7);
        }
        expect("53400", "all replication slots are in use", () -> slots.create("one_more", true, AT, 7));
    }

    private Slots afterCrash() throws IOException {
        return Slots.load(new DurableFiles(disk.copyAfterCrash(1)));
    }

    private static void expect(String sqlState, String message, Executable command) {
        Diagnostic diagnostic = assertThrows(SlotException.class, command).diagnostic();
        assertEquals(sqlState, diagnostic.sqlState());
        assertEquals(message, diagnostic.message());
    }
}
