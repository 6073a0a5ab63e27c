package io.walrelay.proxy.shaping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.WalCache;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.proxy.config.ByteSize;
import io.walrelay.proxy.config.NamedStandby;
import io.walrelay.proxy.demo.Await;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ShapingTest {

    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final NamedStandby LATE = new NamedStandby("late", Optional.of(Duration.ofHours(1)), Optional.empty(), Optional.empty());

    @TempDir
    private Path directory;

    private Shaping load(NamedStandby... named) throws IOException {
        return Shaping.load(List.of(named), new DurableFiles(new PosixStorage(directory)), Clock.systemUTC());
    }

    private static Allowance allowance(Shaping shaping, WalCache cache, String... names) {
        try (StreamShape shape = shaping.stream(cache, List.of(names), Commits.START)) {
            return shape.allow(Commits.START, cache.end().written(), cache.end().lineage());
        }
    }

    @Test
    void whatWasSaidHoldsAfterARestart() throws Exception {
        WalCraft wal = Commits.craft(1).randomRecords(100, 500);
        try (WalCache cache = Commits.cache(directory.resolve("wal"), wal)) {
            Shaping before = load(LATE);
            before.pause("one");
            before.pause("two");
            before.resume("two");
            Lsn middle = wal.recordEnds().get(40);
            // In the middle of a record: up to the one before.
            assertEquals(middle, before.release(cache, "late", Optional.of(middle.plus(8))));
            assertEquals(middle, before.release(cache, "late", Optional.of(middle)));

            Shaping after = load(LATE);
            assertEquals(before.all(), after.all());
            assertEquals(List.of("late", "one"), after.all().stream().map(Shaped::name).toList());
            assertTrue(after.of("one").word().paused());
            assertEquals(new Word(0, List.of(new Word.Release(new TimelineId(1), middle, 3))), after.of("late").word());
            assertFalse(after.knows("two"));
            assertEquals(Optional.of(Hold.PAUSED), allowance(after, cache, "one").hold());
            assertEquals(Optional.empty(), allowance(after, cache, "two").hold());
        }
    }

    @Test
    void aStandbyIsHeldBackByAnyOfItsNames() throws Exception {
        WalCraft wal = Commits.craft(1).randomRecords(100, 500);
        try (WalCache cache = Commits.cache(directory.resolve("wal"), wal)) {
            Shaping shaping = load();
            shaping.pause("reports");
            assertEquals(Optional.of(Hold.PAUSED), allowance(shaping, cache, "slot_1", "reports").hold());
            assertEquals(Optional.of(Hold.PAUSED), allowance(shaping, cache, "reports", "walreceiver").hold());
            assertEquals(wal.end(), allowance(shaping, cache, "slot_1", "walreceiver").upTo());
            shaping.release(cache, "slot_1", Optional.empty());
            assertEquals(wal.end(), allowance(shaping, cache, "slot_1", "reports").upTo());
        }
    }

    @Test
    void whatIsSaidLastUnderAnyOfItsNamesHolds() throws Exception {
        WalCraft wal = Commits.craft(1).randomRecords(100, 500);
        try (WalCache cache = Commits.cache(directory.resolve("wal"), wal)) {
            Shaping shaping = load();
            Lsn middle = wal.recordEnds().get(40);
            shaping.pause("reports");
            shaping.release(cache, "slot_1", Optional.of(middle));
            assertEquals(middle, allowance(shaping, cache, "slot_1", "reports").upTo());
            shaping.release(cache, "reports", Optional.empty());
            assertEquals(wal.end(), allowance(shaping, cache, "slot_1", "reports").upTo(), "the one that reaches further");
            assertEquals(wal.end(), allowance(shaping, cache, "reports", "slot_1").upTo());
            shaping.pause("reports");
            assertEquals(Commits.START, allowance(shaping, cache, "slot_1", "reports").upTo(), "released before the pause");
            shaping.release(cache, "slot_1", Optional.of(middle));
            Shaping restarted = load();
            assertEquals(middle, allowance(restarted, cache, "slot_1", "reports").upTo());
            restarted.pause("reports");
            assertEquals(Commits.START, allowance(load(), cache, "slot_1", "reports").upTo());
        }
    }

    @Test
    void readsTheFileOfARelayFromBeforeTurns() throws Exception {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(body)) {
            out.writeInt(1);
            out.writeUTF("a");
            out.writeBoolean(true);
            out.writeBoolean(true);
            out.writeLong(1);
            out.writeLong(0x1000100);
        }
        new DurableFiles(new PosixStorage(directory)).write("shaping", new DurableFiles.Format("WRSHAPES", 1), body.toByteArray());
        assertEquals(new Word(1, List.of(new Word.Release(new TimelineId(1), new Lsn(0x1000100), 2))), load().of("a").word());
    }

    /** <pre> slot: max-retained, and a short delay or none │ application_name: a longer one </pre> */
    @Test
    void theLongestDelayAndTheLowestRateOfItsNamesHold() throws Exception {
        WalCraft wal = Commits.craft(1).randomRecords(3_000, 500);
        assertTrue(wal.end().minus(Commits.START) > 200 << 10, "more than a burst");
        Instant at = Instant.now().truncatedTo(ChronoUnit.MILLIS).minusSeconds(60);
        Lsn young = Commits.commit(wal, at);
        Lsn before = wal.lastRecordEndAt(young);
        NamedStandby slot = new NamedStandby("slot_1", Optional.empty(), Optional.of(new ByteSize(1 << 30)), Optional.of(new ByteSize(1 << 20)));
        NamedStandby hasty = new NamedStandby("hasty", Optional.of(Duration.ofSeconds(1)), Optional.empty(), Optional.empty());
        NamedStandby narrow = new NamedStandby("narrow", Optional.empty(), Optional.of(new ByteSize(128 << 10)), Optional.empty());
        try (WalCache cache = Commits.cache(directory.resolve("wal"), wal)) {
            Shaping shaping = load(LATE, slot, hasty, narrow);
            for (String other : List.of("slot_1", "hasty")) {
                try (StreamShape shape = shaping.stream(cache, List.of(other, "late"), Commits.START)) {
                    Await.until(
                            "the delay of late beside " + other,
                            LIMIT,
                            () -> shape.allow(Commits.START, cache.end().written(), cache.end().lineage()),
                            new Allowance(before, Optional.of(Hold.delayed(Optional.of(at.plus(Duration.ofHours(1))))))::equals);
                }
            }
            assertEquals(Optional.of(Hold.LIMITED), allowance(shaping, cache, "slot_1", "narrow").hold());
        }
    }

    /** A record that crosses from one segment into the next: released is what ends before it. */
    @Test
    void aReleaseEndsBeforeARecordThatBeganInAnotherSegment() throws Exception {
        WalCraft wal = Commits.craft(1);
        Lsn boundary = Commits.SEGMENT.endOf(Commits.START);
        while (wal.end().isBefore(boundary.plus(-20_000))) {
            wal.record(8_000);
        }
        Lsn last = wal.end();
        wal.record(2 * Commits.SEGMENT.bytes() + 40_000).record(100);
        try (WalCache cache = Commits.cache(directory.resolve("wal"), wal)) {
            Shaping shaping = load();
            for (Lsn to : List.of(last, boundary.plus(-8), boundary, boundary.plus(8), wal.recordEnds().getLast().plus(-200))) {
                assertEquals(last, shaping.release(cache, "a", Optional.of(to)), to.toString());
            }
            assertEquals(wal.end(), shaping.release(cache, "a", Optional.empty()));
        }
    }

    @Test
    void aPauseTakesBackWhatWasReleased() throws Exception {
        WalCraft wal = Commits.craft(1).randomRecords(100, 500);
        try (WalCache cache = Commits.cache(directory.resolve("wal"), wal)) {
            Shaping shaping = load();
            shaping.release(cache, "a", Optional.empty());
            shaping.pause("a");
            assertEquals(Commits.START, allowance(shaping, cache, "a").upTo());
            Lsn middle = wal.recordEnds().get(40);
            shaping.release(cache, "a", Optional.of(middle));
            assertEquals(new Allowance(middle, Optional.of(Hold.PAUSED)), allowance(shaping, cache, "a"));
        }
    }

    @Test
    void nothingIsReleasedThatTheRelayHasNot() throws Exception {
        WalCraft wal = Commits.craft(1).randomRecords(100, 500);
        try (WalCache cache = Commits.cache(directory.resolve("wal"), wal)) {
            Shaping shaping = load(LATE);
            for (String lsn : List.of("0/0", "0/FFFFFF", wal.end().plus(1).toString())) {
                assertThrows(IllegalArgumentException.class, () -> shaping.release(cache, "late", Optional.of(Lsn.parse(lsn))), lsn);
            }
            assertEquals(Word.NOTHING, shaping.of("late").word());
        }
    }

    private static Optional<Hold> hold(Shaping shaping, WalCache cache, String name, WalFileName file) throws IOException {
        try (FileShape shape = shaping.file(cache, name, file)) {
            return shape.hold();
        }
    }

    @Test
    void pausedFilesAreThoseWithWalInThem() throws Exception {
        WalCraft wal = Commits.craft(1).randomRecords(10, 500).switchSegment().randomRecords(10, 500);
        try (WalCache cache = Commits.cache(directory.resolve("wal"), wal)) {
            Shaping shaping = load();
            shaping.pause("a");
            WalFileName segment = WalFileName.require("000000010000000000000010", Commits.SEGMENT);
            assertEquals(Optional.of(Hold.PAUSED), hold(shaping, cache, "a", segment));
            assertEquals(Optional.of(Hold.PAUSED), hold(shaping, cache, "a", WalFileName.require("000000010000000000000010.partial", Commits.SEGMENT)));
            assertEquals(Optional.empty(), hold(shaping, cache, "b", segment));
            assertEquals(Optional.empty(), hold(shaping, cache, "a", WalFileName.require("00000002.history", Commits.SEGMENT)));
            shaping.release(cache, "a", Optional.of(Commits.SEGMENT.endOf(Commits.START)));
            assertEquals(Optional.empty(), hold(shaping, cache, "a", segment));
        }
    }

    /** Whoever was paused must not be taken for one who was not. */
    @Test
    void aDamagedFileIsNoEmptyOne() throws Exception {
        load().pause("a");
        Path file = directory.resolve("shaping");
        byte[] bytes = Files.readAllBytes(file);
        bytes[25] ^= 1;
        Files.write(file, bytes);
        assertThrows(DurableFiles.DamagedFileException.class, this::load);
    }
}
