package io.walrelay.proxy.shaping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.WalCache;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.proxy.config.NamedStandby;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ShapingTest {

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
            assertEquals(new Word(false, Optional.of(new Word.Release(new TimelineId(1), middle))), after.of("late").word());
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

    @Test
    void pausedFilesAreThoseWithWalInThem() throws Exception {
        WalCraft wal = Commits.craft(1).randomRecords(10, 500).switchSegment().randomRecords(10, 500);
        try (WalCache cache = Commits.cache(directory.resolve("wal"), wal)) {
            Shaping shaping = load();
            shaping.pause("a");
            WalFileName segment = WalFileName.require("000000010000000000000010", Commits.SEGMENT);
            assertEquals(Optional.of(Hold.PAUSED), shaping.holdsBack(cache, "a", segment));
            assertEquals(Optional.of(Hold.PAUSED), shaping.holdsBack(cache, "a", WalFileName.require("000000010000000000000010.partial", Commits.SEGMENT)));
            assertEquals(Optional.empty(), shaping.holdsBack(cache, "b", segment));
            assertEquals(Optional.empty(), shaping.holdsBack(cache, "a", WalFileName.require("00000002.history", Commits.SEGMENT)));
            shaping.release(cache, "a", Optional.of(Commits.SEGMENT.endOf(Commits.START)));
            assertEquals(Optional.empty(), shaping.holdsBack(cache, "a", segment));
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
