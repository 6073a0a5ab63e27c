package io.walrelay.cache.slot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.protocol.command.CommandError;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class SlotsTest {

    private static final Lsn AT = Lsn.parse("0/3000000");
    private static final Lsn HELD = Lsn.parse("0/2000000");
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

    /** It was seen that the WAL of a slot is gone, and meanwhile its standby came. */
    @Test
    void aSlotThatSomebodyUsesOrHasMovedIsNotLost() throws Exception {
        List<Slot> seen = slots.all();
        assertEquals(List.of(), slots.markLostUnlessUsed(seen));
        confirm(LATER);
        slots.release("s", 7);
        assertEquals(List.of(), slots.markLostUnlessUsed(seen));
        assertTrue(slots.find("s").orElseThrow().holds());
        assertEquals(List.of("s"), slots.markLostUnlessUsed(slots.all()));
        assertEquals(List.of(), slots.markLostUnlessUsed(slots.all()), "once");
        slots.save();
        assertTrue(afterCrash().find("s").orElseThrow().lost());
    }

    private boolean confirm(Lsn flushed) {
        return slots.confirm("s", 7, flushed, HELD);
    }

    private Lsn restartLsn() {
        return slots.find("s").orElseThrow().restartLsn();
    }

    /** walsender.c, PhysicalConfirmReceivedLocation sets what it is told. */
    @Test
    void aPositionMovesBackWithItsStandbyAsLongAsTheWalIsHeld() throws Exception {
        assertFalse(confirm(LATER), "forward: the next save is soon enough");
        slots.save();
        assertTrue(confirm(AT), "a crash now would leave too little");
        assertEquals(AT, restartLsn());
        assertEquals(AT, slots.find("s").orElseThrow().reservedFrom());
        slots.save();
        assertEquals(AT, afterCrash().find("s").orElseThrow().restartLsn());
        assertFalse(confirm(HELD.plus(-1)));
        assertEquals(AT, restartLsn(), "nothing is held from further back");
    }

    @Test
    void aStreamThatBeginsFurtherBackTakesTheSlotAlong() {
        confirm(LATER);
        assertFalse(slots.startsAt("s", 7, LATER.plus(8), HELD));
        assertEquals(LATER, restartLsn());
        assertTrue(slots.startsAt("s", 7, AT, HELD));
        assertEquals(AT, restartLsn());
        assertFalse(slots.startsAt("s", 7, HELD.plus(-1), HELD));
        assertEquals(AT, restartLsn());
    }

    @Test
    void onlyTheSessionThatHasTheSlotMovesIt() {
        assertFalse(slots.confirm("s", 8, LATER, HELD));
        slots.release("s", 7);
        assertFalse(confirm(LATER));
        assertEquals(AT, restartLsn());
    }

    @Test
    void nobodyButTheWriterWaitsForTheDisk() throws Exception {
        CountDownLatch atTheDisk = new CountDownLatch(1);
        CountDownLatch diskGoesOn = new CountDownLatch(1);
        disk.failNextSync(path -> path.startsWith("slots") && waits(atTheDisk, diskGoesOn));
        confirm(LATER);
        CompletableFuture<Void> writer = CompletableFuture.runAsync(this::save);
        assertTrue(atTheDisk.await(10, TimeUnit.SECONDS));
        assertTimeoutPreemptively(Duration.ofSeconds(10), () -> {
            confirm(LATER.plus(8));
            slots.sent("s", LATER.plus(16));
            slots.release("s", 7);
            slots.acquire("s", 7);
            slots.all();
        });
        assertFalse(writer.isDone());
        diskGoesOn.countDown();
        writer.get(10, TimeUnit.SECONDS);
        assertEquals(LATER, slots.find("s").orElseThrow().savedRestartLsn());
        assertEquals(LATER, afterCrash().find("s").orElseThrow().restartLsn());
        slots.save();
        assertEquals(LATER.plus(8), afterCrash().find("s").orElseThrow().restartLsn(), "what changed during the write");
    }

    private void save() {
        try {
            slots.save();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static boolean waits(CountDownLatch reached, CountDownLatch until) {
        reached.countDown();
        try {
            assertTrue(until.await(10, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        return false;
    }

    @Test
    void keepsWhatARestartWouldNeedUntilThePositionIsSaved() throws Exception {
        confirm(LATER);
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
        slots.acquire("new", 7);
        assertTrue(slots.confirm("new", 7, AT, HELD), "after a crash it would hold nothing at all");
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
    void aSlotThatAStandbyUsesBeforeItCouldNotBeSavedStaysAndIsSavedLater() throws Exception {
        disk.failNextSync(path -> path.startsWith("slots") && usedMeanwhile());
        assertThrows(IOException.class, () -> slots.createAll(Map.of("used", AT, "moved", AT, "unused", AT)));
        assertTrue(slots.find("unused").isEmpty());
        assertEquals(OptionalInt.of(8), slots.find("used").orElseThrow().activePid());
        slots.save();
        assertEquals(AT, afterCrash().find("used").orElseThrow().restartLsn());
        assertEquals(LATER, afterCrash().find("moved").orElseThrow().restartLsn());
        assertTrue(afterCrash().find("unused").isEmpty());
    }

    private boolean usedMeanwhile() {
        try {
            slots.acquire("used", 8);
            slots.acquire("moved", 9);
            slots.confirm("moved", 9, LATER, HELD);
            slots.release("moved", 9);
            slots.timeOut(Instant.EPOCH, SlotLimits.upTo(1));
            return true;
        } catch (SlotException e) {
            throw new AssertionError(e);
        }
    }

    /** slotfuncs.c, copy_replication_slot. */
    @Test
    void aCopyReservesWhatItsSourceDoesAndIsDurable() throws Exception {
        confirm(LATER);
        slots.sent("s", LATER.plus(100));
        Slot copy = slots.copy("s", "c", Optional.empty(), 8);
        assertEquals(LATER, copy.restartLsn());
        assertFalse(copy.temporary());
        assertEquals(OptionalInt.empty(), copy.activePid(), "its source is in use, the copy is not");
        assertEquals(Lsn.INVALID, copy.furthestSent(), "nothing was sent to its standby yet");
        assertEquals(LATER, afterCrash().find("c").orElseThrow().restartLsn());
        confirm(LATER.plus(8));
        assertEquals(LATER, slots.find("c").orElseThrow().restartLsn());
    }

    @Test
    void aCopyIsAsTemporaryAsItsSourceUnlessToldOtherwise() throws Exception {
        slots.create("t", true, AT, 7);
        assertTrue(slots.copy("t", "t2", Optional.empty(), 8).temporary());
        assertFalse(slots.copy("t", "p", Optional.of(false), 8).temporary());
        assertTrue(slots.copy("s", "t3", Optional.of(true), 8).temporary());
        assertTrue(afterCrash().find("p").isPresent());
        slots.sessionEnded(8);
        assertTrue(slots.find("t2").isEmpty() && slots.find("t3").isEmpty());
        assertTrue(slots.find("t").isPresent() && slots.find("p").isPresent());
        assertThrows(IllegalArgumentException.class, () -> slots.copy("t", "t4", Optional.empty(), Slots.NO_SESSION));
        assertTrue(slots.find("t4").isEmpty());
    }

    @Test
    void aCopyIsRefusedInPostgresqlsWords() throws Exception {
        slots.create("empty", false, Lsn.INVALID, 7);
        slots.create("gone", false, AT, 7);
        slots.markLost("gone");
        expect("42704", "replication slot \"none\" does not exist", () -> slots.copy("none", "No", Optional.empty(), 7));
        expect("55000", "cannot copy a replication slot that doesn't reserve WAL", () -> slots.copy("empty", "c", Optional.empty(), 7));
        expect("55000", "cannot copy invalidated replication slot \"gone\"", () -> slots.copy("gone", "c", Optional.empty(), 7));
        expect("42710", "replication slot \"s\" already exists", () -> slots.copy("s", "s", Optional.empty(), 7));
        CommandError badName = assertThrows(CommandError.class, () -> slots.copy("s", "No", Optional.empty(), 7));
        assertEquals("42602", badName.diagnostic().sqlState());
    }

    @Test
    void onlyWhatItsStandbyReportedCountsAsConfirmedAndThatIsDurable() throws Exception {
        assertFalse(slots.find("s").orElseThrow().confirmed(), "it was made there");
        confirm(AT);
        assertTrue(slots.find("s").orElseThrow().confirmed());
        slots.startsAt("s", 7, AT.plus(-8), HELD);
        assertTrue(slots.find("s").orElseThrow().confirmed(), "further back it has that as well");
        slots.release("s", 7);
        slots.save();
        assertTrue(afterCrash().find("s").orElseThrow().confirmed());
        slots.advance("s", AT.plus(-8), 8);
        assertTrue(slots.find("s").orElseThrow().confirmed(), "where it was");
        slots.advance("s", LATER, 8);
        assertFalse(afterCrash().find("s").orElseThrow().confirmed());
        slots.acquire("s", 7);
        slots.startsAt("s", 7, AT, HELD);
        assertFalse(slots.find("s").orElseThrow().confirmed(), "it has not reported yet");
        confirm(LATER);
        assertTrue(slots.find("s").orElseThrow().confirmed());
        confirm(HELD.plus(-1));
        assertFalse(slots.find("s").orElseThrow().confirmed(), "the slot is ahead of its standby");
        slots.save();
        assertFalse(afterCrash().find("s").orElseThrow().confirmed());
    }

    /** slotfuncs.c, pg_replication_slot_advance. */
    @Test
    void advancesForwardOnlyAndDurably() throws Exception {
        slots.release("s", 7);
        assertEquals(LATER, slots.advance("s", LATER, 8));
        assertEquals(LATER, afterCrash().find("s").orElseThrow().restartLsn());
        assertEquals(LATER, slots.find("s").orElseThrow().reservedFrom());
        assertEquals(LATER, slots.advance("s", LATER, 8), "where it is");
        expect("55000", "cannot advance replication slot to 0/3000000, minimum is 0/3000060", () -> slots.advance("s", AT, 8));
        expect("XX000", "invalid target WAL LSN", () -> slots.advance("s", Lsn.INVALID, 8));
        expect("42704", "replication slot \"none\" does not exist", () -> slots.advance("none", AT, 8));
        slots.create("empty", false, Lsn.INVALID, 7);
        expect("55000", "replication slot \"empty\" cannot be advanced", () -> slots.advance("empty", AT, 8));
        slots.acquire("s", 7);
        expect("55006", "replication slot \"s\" is active for PID 7", () -> slots.advance("s", LATER.plus(8), 8));
    }

    @Test
    void anAdvanceThatCouldNotBeSavedKeepsWhatARestartNeeds() {
        slots.release("s", 7);
        disk.failNextSync(path -> path.startsWith("slots"));
        assertThrows(IOException.class, () -> slots.advance("s", LATER, 8));
        assertEquals(AT, slots.find("s").orElseThrow().reservedFrom());
    }

    @Test
    void severalAreMadeTogetherOrNotAtAll() throws Exception {
        slots.createAll(Map.of("a", AT, "b", LATER));
        assertEquals(LATER, afterCrash().find("b").orElseThrow().restartLsn());
        expect("42710", "replication slot \"b\" already exists", () -> slots.createAll(new TreeMap<>(Map.of("aa", AT, "b", AT))));
        assertTrue(slots.find("aa").isEmpty());
        disk.failNextSync(path -> path.startsWith("slots"));
        assertThrows(IOException.class, () -> slots.createAll(Map.of("c", AT, "d", AT)));
        assertTrue(slots.find("c").isEmpty() && slots.find("d").isEmpty());
    }

    @Test
    void aSlotThatNobodyUsesIsLetGoOnceAndIsItsStandbysAgainWhenThatComes() throws Exception {
        SlotLimits limits = new SlotLimits(1, Map.of(), Optional.of(Duration.ofDays(7)));
        slots.create("unreserved", false, Lsn.INVALID, 7);
        Instant begin = Instant.parse("2026-11-29T00:00:00Z");
        assertEquals(List.of(), slots.timeOut(begin, limits));
        assertEquals(Optional.empty(), slots.find("s").orElseThrow().inactiveSince(), "somebody uses it");
        slots.release("s", 7);
        Instant left = begin.plus(Duration.ofHours(1));
        assertEquals(List.of(), slots.timeOut(left, limits));
        assertEquals(Optional.of(left), slots.find("s").orElseThrow().inactiveSince());
        assertEquals(List.of(), slots.timeOut(left.plus(Duration.ofDays(7)).minusMillis(1), limits));
        assertTrue(slots.find("s").orElseThrow().holds());

        Instant late = left.plus(Duration.ofDays(7));
        assertEquals(List.of("s"), slots.timeOut(late, limits).stream().map(Slot::name).toList());
        assertEquals(List.of(), slots.timeOut(late.plusSeconds(1), limits), "said once");
        assertFalse(slots.find("s").orElseThrow().holds());
        assertTrue(slots.find("s").orElseThrow().needsWal());

        assertTrue(slots.acquire("s", 8).holds());
        assertEquals(List.of(), slots.timeOut(late.plusSeconds(2), limits));
        slots.release("s", 8);
        assertEquals(List.of(), slots.timeOut(late.plusSeconds(3), limits), "it counts anew");

        Instant again = late.plusSeconds(3).plus(Duration.ofDays(7));
        assertEquals(List.of("s"), slots.timeOut(again, limits).stream().map(Slot::name).toList());
        assertEquals(LATER, slots.advance("s", LATER, 9));
        assertTrue(slots.find("s").orElseThrow().holds(), "who moves it uses it");
        assertEquals(List.of(), slots.timeOut(again.plusSeconds(1), limits), "it counts anew");
        assertEquals(List.of(), slots.timeOut(late.plus(Duration.ofDays(700)), SlotLimits.upTo(1)), "never");
    }

    @Test
    void thereIsALimitInPostgresqlsWords() throws Exception {
        for (int i = 1; i < Slots.LIMIT; i++) {
            slots.create("t" + i, true, AT, 7);
        }
        expect("53400", "all replication slots are in use", () -> slots.create("one_more", true, AT, 7));
        expect("53400", "all replication slots are in use", () -> slots.copy("s", "one_more", Optional.empty(), 7));
        expect("53400", "all replication slots are in use", () -> slots.createAll(Map.of("one_more", AT)));
    }

    @Test
    void theHomeOfASlotAndTheRelaysIdSurviveACrash() throws Exception {
        Home.Peer peer = new Home.Peer("a", "http://a");
        Slot mirror = Slot.mirrored("m", AT, Home.at(peer, 3));
        assertTrue(slots.apply(new Mirroring.Create(mirror)));
        assertFalse(slots.apply(new Mirroring.Create(mirror)), "it is there");
        slots.save();
        assertEquals(new Home(3, Optional.of(peer)), afterCrash().find("m").orElseThrow().home());
        assertEquals(slots.relayId(), afterCrash().relayId());

        slots.acquire("m", 8);
        assertFalse(slots.apply(new Mirroring.Drop(mirror)), "somebody uses it");
        slots.release("m", 8);
        assertFalse(slots.apply(new Mirroring.Drop(mirror)), "it is at home here now");
        slots.save();
        assertEquals(new Home(4, Optional.empty()), afterCrash().find("m").orElseThrow().home());
        assertTrue(slots.apply(new Mirroring.Drop(slots.find("m").orElseThrow())));
        slots.save();
        assertEquals(Optional.empty(), afterCrash().find("m"));
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
