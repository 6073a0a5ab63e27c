package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.MemoryStore;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArchiverTest {

    private static final Instant LONG_AFTER = Instant.parse("2100-01-01T00:00:00Z");

    @TempDir
    private Path spool;

    private final CrashableStorage disk = new CrashableStorage();
    private final MemoryStore store = new MemoryStore();
    private final List<String> told = new CopyOnWriteArrayList<>();

    /** A relay's cache with its verifier and archiver. */
    private final class Running implements AutoCloseable {
        private final WalCache cache;
        private final WalVerifier verifier;
        private final Archiver archiver;

        Running(WalCache cache) throws IOException {
            this.cache = cache;
            this.verifier = cache.verifier(cache.verifyFrom(), new NothingHelps());
            this.archiver = cache.archive().orElseThrow().archiver(verifier, true, new Notes());
            verifier.start();
            archiver.start();
        }

        Archiver.Status awaitArchived(Lsn position) {
            await(() -> archiver.status().archived().isAtLeast(position) && archiver.status().waiting() == 0);
            return archiver.status();
        }

        private void await(BooleanSupplier condition) {
            long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (!condition.getAsBoolean()) {
                assertTrue(System.nanoTime() < limit, () -> "not so in 30 s: %s, %s, %s".formatted(archiver.status(), verifier.verified(), told));
                LockSupport.parkNanos(1_000_000);
            }
        }

        @Override
        public void close() throws IOException {
            verifier.close();
            archiver.close();
            cache.close();
        }
    }

    /** Upstream has the same damage. */
    private static final class NothingHelps implements WalVerifier.Remedy {
        @Override
        public void found(WalVerifier.Damage damage) {}

        @Override
        public WalVerifier.Again fetchAgain(WalVerifier.Damage damage, Lsn from, Lsn end) {
            return WalVerifier.Again.SAME;
        }

        @Override
        public void lasting(WalVerifier.Damage damage, WalVerifier.Again why) {}
    }

    private final class Notes implements Archiver.Listener {
        @Override
        public void conflict(String file, String key) {
            told.add("conflict " + file);
        }

        @Override
        public void gap(Lsn from, Lsn to) {
            told.add("gap %s to %s".formatted(from, to));
        }

        @Override
        public void failed(String reason) {
            told.add("failed: " + reason);
        }

        @Override
        public void recovered() {
            told.add("recovered");
        }
    }

    private Tiers tiers(CacheSettings settings) {
        ArchiveTier archive = new ArchiveTier(store, new ObjectFormat(Compression.ZSTD, Optional.empty()), new DurableFiles(disk), spool);
        return new Tiers(disk, settings, Optional.of(archive));
    }

    private Running create(WalCraft wal) throws IOException {
        return create(wal, Caches.SETTINGS);
    }

    private Running create(WalCraft wal, CacheSettings settings) throws IOException {
        return new Running(WalCache.create(tiers(settings), Caches.SYSTEM, SEGMENT, wal.history(), ORIGIN));
    }

    private Running reopen() throws IOException {
        return new Running(WalCache.open(tiers(Caches.SETTINGS)).orElseThrow());
    }

    private static void append(WalCache cache, WalCraft wal, Lsn from, Lsn to) throws Exception {
        Caches.append(cache, wal, from, to);
        cache.writer().publish();
        cache.writer().flush();
    }

    private static ArchivedName name(TimelineHistory lineage, Lsn lsn) {
        return new ArchivedName(lineage, new WalFileName.Segment(SegmentId.at(lineage.timeline(), lsn, SEGMENT)), SEGMENT);
    }

    private static String fileName(WalCraft wal, Lsn lsn) {
        return name(wal.history(), lsn).fileName();
    }

    private byte[] archived(ArchivedName name) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        assertTrue(archive().fetch(name, bytes), () -> name + " is not archived; there are " + store.keys());
        return bytes.toByteArray();
    }

    private Archive archive() throws IOException {
        return tiers(Caches.SETTINGS).archive().orElseThrow().of(Caches.SYSTEM);
    }

    private static String keyWith(List<String> keys, String file) {
        return keys.stream().filter(key -> key.endsWith("/" + file)).findFirst().orElseThrow(() -> new AssertionError("%s is not in %s".formatted(file, keys)));
    }

    private int place(String note) {
        int place = told.indexOf(note);
        assertTrue(place >= 0, () -> "%s is not in %s".formatted(note, told));
        return place;
    }

    @Test
    void wholeSegmentsGoUpAndNothingElse() throws Exception {
        WalCraft wal = Caches.craft(1).randomRecords(400, 300_000);
        try (Running relay = create(wal)) {
            append(relay.cache, wal, ORIGIN, wal.end());
            Lsn whole = SEGMENT.startOf(wal.end());
            Archiver.Status status = relay.awaitArchived(whole);
            assertEquals(ORIGIN, status.from());
            assertEquals(whole, status.archived());
            assertEquals(whole.minus(ORIGIN) / MB, status.done());
            for (Lsn at = ORIGIN; at.isBefore(whole); at = SEGMENT.endOf(at)) {
                assertArrayEquals(wal.bytes(at, SEGMENT.endOf(at)), archived(name(wal.history(), at)));
            }
            assertFalse(archive().has(name(wal.history(), whole)));
        }
    }

    @Test
    void aTimelinesHistoryComesBeforeItsSegmentsAndTheEndOfTheOldOneAsPartial() throws Exception {
        WalCraft one = Caches.craft(2).randomRecords(400, 300_000);
        Lsn fork = one.lastRecordEndAt(ORIGIN.plus(3 * MB + 300_000));
        WalCraft two = one.promoted(new TimelineId(2), fork).randomRecords(200, 300_000);
        try (Running relay = create(one)) {
            append(relay.cache, one, ORIGIN, one.end());
            relay.awaitArchived(SEGMENT.startOf(one.end()));
            relay.cache.follow(two.history(), Caches.historyText(two.history()), ORIGIN);
            append(relay.cache, two, fork, two.end());
            relay.awaitArchived(SEGMENT.startOf(two.end()));
            // Ours up to the fork, and what the side that lost wrote there: a file of the same name on the same lineage.
            Lsn forked = SEGMENT.startOf(fork);
            assertArrayEquals(two.bytes(forked, SEGMENT.endOf(fork)), archived(name(two.history(), forked)));
            assertArrayEquals(one.bytes(forked, SEGMENT.endOf(fork)), archived(name(one.history(), forked)));
            assertArrayEquals(Caches.historyText(two.history()), archived(new ArchivedName(two.history(), new WalFileName.History(new TimelineId(2)), SEGMENT)));
            List<String> order = store.puts();
            assertTrue(order.indexOf(keyWith(order, "00000002.history")) < order.indexOf(keyWith(order, fileName(two, forked))), order::toString);
            byte[] partial = archived(new ArchivedName(
                    one.history(), new WalFileName.Partial(SegmentId.at(new TimelineId(1), one.end(), SEGMENT)), SEGMENT));
            Lsn last = SEGMENT.startOf(one.end());
            assertArrayEquals(one.bytes(last, one.end()), Arrays.copyOf(partial, (int) one.end().minus(last)));
        }
    }

    /** A fork deep in what was archived: whole segments of the side that lost have names whose positions the winning side counts. */
    @Test
    void whatWasArchivedBeforeAForkIsNotPutAgain() throws Exception {
        WalCraft one = Caches.craft(12).randomRecords(600, 300_000);
        Lsn fork = one.lastRecordEndAt(ORIGIN.plus(2 * MB + 300_000));
        WalCraft two = one.promoted(new TimelineId(2), fork).randomRecords(900, 300_000);
        try (Running relay = create(one)) {
            append(relay.cache, one, ORIGIN, one.end());
            relay.awaitArchived(SEGMENT.startOf(one.end()));
            relay.cache.follow(two.history(), Caches.historyText(two.history()), ORIGIN);
            // Past what the side that lost had, so that the position has come by all of its names.
            Lsn some = two.lastRecordEndAt(SEGMENT.endOf(one.end()).plus(2L * MB));
            append(relay.cache, two, fork, some);
            long before = relay.awaitArchived(SEGMENT.startOf(some)).done();
            append(relay.cache, two, some, two.end());
            long after = relay.awaitArchived(SEGMENT.startOf(two.end())).done();
            assertEquals(SEGMENT.startOf(two.end()).minus(SEGMENT.startOf(some)) / MB, after - before);
        }
    }

    @Test
    void oneFileThatCantBePutIsNotInTheWayOfTheOthers() throws Exception {
        WalCraft wal = Caches.craft(13).randomRecords(600, 300_000);
        Lsn bad = ORIGIN.plus(2 * MB);
        store.failFor(key -> key.endsWith(fileName(wal, bad)));
        try (Running relay = create(wal)) {
            append(relay.cache, wal, ORIGIN, wal.end());
            relay.await(() -> relay.archiver.status().waiting() == 1);
            assertEquals(bad, relay.archiver.status().archived());
            assertTrue(relay.archiver.status().problem().isPresent());
            assertTrue(archive().has(name(wal.history(), SEGMENT.startOf(wal.end()).plus(-1))));
            store.failFor(key -> false);
            relay.awaitArchived(SEGMENT.startOf(wal.end()));
            assertEquals(Optional.empty(), relay.archiver.status().problem());
        }
    }

    @Test
    void aRestartGoesOnWhereItWas() throws Exception {
        WalCraft wal = Caches.craft(3).randomRecords(600, 300_000);
        Lsn half = wal.lastRecordEndAt(ORIGIN.plus(4 * MB + 500_000));
        try (Running relay = create(wal)) {
            append(relay.cache, wal, ORIGIN, half);
            relay.awaitArchived(SEGMENT.startOf(half));
        }
        try (Running relay = reopen()) {
            append(relay.cache, wal, half, wal.end());
            Archiver.Status status = relay.awaitArchived(SEGMENT.startOf(wal.end()));
            assertEquals(SEGMENT.startOf(wal.end()).minus(SEGMENT.startOf(half)) / MB, status.done());
        }
    }

    /** What was archived and not remembered before the crash is found to be there. */
    @Test
    void afterACrashNothingIsMissing() throws Exception {
        WalCraft wal = Caches.craft(4).randomRecords(600, 300_000);
        Running crashed = create(wal);
        append(crashed.cache, wal, ORIGIN, wal.end());
        crashed.await(() -> crashed.archiver.status().done() > 0);
        CrashableStorage after = disk.copyAfterCrash(4);
        crashed.close();
        ArchiveTier tier = new ArchiveTier(store, new ObjectFormat(Compression.ZSTD, Optional.empty()), new DurableFiles(after), spool);
        try (Running relay = new Running(WalCache.open(new Tiers(after, Caches.SETTINGS, Optional.of(tier))).orElseThrow())) {
            Lsn whole = SEGMENT.startOf(relay.cache.end().written());
            relay.awaitArchived(whole);
            for (Lsn at = ORIGIN; at.isBefore(whole); at = SEGMENT.endOf(at)) {
                assertArrayEquals(wal.bytes(at, SEGMENT.endOf(at)), archived(name(wal.history(), at)));
            }
        }
    }

    /** A crash at once after archived WAL was freed must not make it look like WAL that never was archived. */
    @Test
    void whatIsFreedIsKnownToBeArchivedAfterACrash() throws Exception {
        WalCraft wal = Caches.craft(4).randomRecords(600, 300_000);
        CacheSettings keepsNothing = new CacheSettings(MB, 64L * MB, Duration.ZERO, SlotLimits.upTo(64L * MB), false);
        Lsn half = wal.lastRecordEndAt(ORIGIN.plus(3 * MB + 500_000));
        try (Running relay = create(wal, keepsNothing)) {
            append(relay.cache, wal, ORIGIN, half);
            relay.awaitArchived(SEGMENT.startOf(half));
        }
        Running crashed = new Running(WalCache.open(tiers(keepsNothing)).orElseThrow());
        append(crashed.cache, wal, half, wal.end());
        crashed.await(() -> {
            try {
                crashed.cache.retain(LONG_AFTER);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return crashed.cache.oldest().isAfter(half.plus(MB));
        });
        CrashableStorage after = disk.copyAfterCrash(4);
        crashed.close();
        ArchiveTier tier = new ArchiveTier(store, new ObjectFormat(Compression.ZSTD, Optional.empty()), new DurableFiles(after), spool);
        try (Running relay = new Running(WalCache.open(new Tiers(after, keepsNothing, Optional.of(tier))).orElseThrow())) {
            relay.awaitArchived(SEGMENT.startOf(relay.cache.end().written()));
            assertEquals(List.of(), told);
        }
    }

    @Test
    void anArchiveThatFailsIsToldOnceAndCaughtUpWith() throws Exception {
        WalCraft wal = Caches.craft(5).randomRecords(400, 300_000);
        store.failFor(key -> true);
        try (Running relay = create(wal)) {
            append(relay.cache, wal, ORIGIN, wal.end());
            relay.await(() -> relay.archiver.status().problem().isPresent());
            assertTrue(relay.archiver.status().waiting() > 0);
            store.failFor(key -> false);
            relay.awaitArchived(SEGMENT.startOf(wal.end()));
            assertEquals(Optional.empty(), relay.archiver.status().problem());
            assertEquals(1, told.stream().filter(note -> note.startsWith("failed")).count(), told::toString);
            assertTrue(place("recovered") > 0);
        }
    }

    /** Somebody else's bytes have the name: ours are kept beside, and are what our readers get. */
    @Test
    void otherBytesUnderTheNameAreNeverOverwritten() throws Exception {
        WalCraft wal = Caches.craft(6).randomRecords(400, 300_000);
        ArchivedName taken = name(wal.history(), ORIGIN.plus(MB));
        byte[] others = "others".getBytes(StandardCharsets.US_ASCII);
        archive().put(taken, () -> new ByteArrayInputStream(others));
        CacheSettings keepsNothing = new CacheSettings(MB, 64L * MB, Duration.ZERO, SlotLimits.upTo(64L * MB), false);
        try (Running relay = create(wal, keepsNothing)) {
            append(relay.cache, wal, ORIGIN, wal.end());
            relay.awaitArchived(SEGMENT.startOf(wal.end()));
            place("conflict " + taken.fileName());
            assertArrayEquals(others, archived(taken));
            relay.cache.retain(LONG_AFTER);
            assertTrue(relay.cache.oldest().isAfter(ORIGIN.plus(2 * MB)), () -> "freed up to " + relay.cache.oldest());
            assertArrayEquals(wal.bytes(ORIGIN, ORIGIN.plus(3 * MB)), ReadThroughTest.read(relay.cache, wal.history(), ORIGIN, ORIGIN.plus(3 * MB)));
        }
    }

    @Test
    void whatIsToBeArchivedIsNotFreedByAge() throws Exception {
        WalCraft wal = Caches.craft(7).randomRecords(400, 300_000);
        store.failFor(key -> true);
        try (Running relay = create(wal)) {
            append(relay.cache, wal, ORIGIN, wal.end());
            relay.cache.retain(LONG_AFTER);
            assertEquals(ORIGIN, relay.cache.oldest());
            store.failFor(key -> false);
            relay.awaitArchived(SEGMENT.startOf(wal.end()));
            relay.cache.retain(LONG_AFTER);
            assertTrue(relay.cache.oldest().isAfter(ORIGIN));
        }
    }

    @Test
    void overTheLimitTheArchiveGetsAGapAndIsTold() throws Exception {
        WalCraft wal = Caches.craft(8).randomRecords(600, 300_000);
        store.failFor(key -> true);
        CacheSettings small = new CacheSettings(MB, 6L * MB, Duration.ofHours(1), SlotLimits.upTo(64L * MB), false);
        try (Running relay = create(wal, small)) {
            append(relay.cache, wal, ORIGIN, wal.end());
            relay.await(() -> relay.archiver.status().problem().isPresent());
            relay.cache.retain(Instant.now());
            Lsn oldest = relay.cache.oldest();
            assertTrue(oldest.isAfter(ORIGIN), "something was freed");
            store.failFor(key -> false);
            Archiver.Status status = relay.awaitArchived(SEGMENT.startOf(wal.end()));
            assertEquals(oldest, status.from());
            place("gap %s to %s".formatted(ORIGIN, oldest));
        }
    }

    @Test
    void damagedWalStaysOut() throws Exception {
        WalCraft wal = Caches.craft(9).randomRecords(400, 300_000);
        Lsn record = wal.recordStarts().get(wal.recordStarts().size() / 2);
        wal.corrupt(record.plus(30));
        try (Running relay = create(wal)) {
            append(relay.cache, wal, ORIGIN, wal.end());
            relay.await(() -> store.keys().stream().anyMatch(key -> key.endsWith(fileName(wal, SEGMENT.startOf(wal.end()).plus(-1)))));
            relay.await(() -> relay.archiver.status().archived().equals(SEGMENT.startOf(record)));
            assertFalse(archive().has(name(wal.history(), record)));
        }
        try (Running relay = reopen()) {
            relay.await(() -> relay.verifier.isDamaged(SegmentId.at(new TimelineId(1), record, SEGMENT)));
            // Gone from the disk it is a gap, and what comes after it counts.
            relay.cache.retain(LONG_AFTER);
            Archiver.Status status = relay.awaitArchived(SEGMENT.startOf(wal.end()));
            assertTrue(status.from().isAtLeast(SEGMENT.endOf(record)), status::toString);
            assertTrue(told.stream().anyMatch(note -> note.startsWith("gap %s to ".formatted(SEGMENT.startOf(record)))), told::toString);
        }
    }

    /** Who takes away the file that says which archive it was begins a new one, and all that is held goes there. */
    @Test
    void ofAnotherArchiveNothingIsKnown() throws Exception {
        WalCraft wal = Caches.craft(10).randomRecords(400, 300_000);
        try (Running relay = create(wal)) {
            append(relay.cache, wal, ORIGIN, wal.end());
            relay.awaitArchived(SEGMENT.startOf(wal.end()));
        }
        for (String key : store.keys()) {
            store.delete(key);
        }
        disk.delete("archive");
        try (Running relay = reopen()) {
            relay.awaitArchived(SEGMENT.startOf(wal.end()));
            assertArrayEquals(wal.bytes(ORIGIN, ORIGIN.plus(MB)), archived(name(wal.history(), ORIGIN)));
        }
    }

    @Test
    void whoWaitsForOneIsToldAndItComesNext() throws Exception {
        WalCraft wal = Caches.craft(11).randomRecords(600, 300_000);
        CountDownLatch go = new CountDownLatch(1);
        store.hangFor(key -> true, go);
        try (Running relay = create(wal)) {
            append(relay.cache, wal, ORIGIN, wal.end());
            var last = relay.archiver.whenArchived(name(wal.history(), SEGMENT.startOf(wal.end()).plus(-MB)));
            assertFalse(last.isDone());
            go.countDown();
            assertTrue(last.get(20, TimeUnit.SECONDS));
            var never = relay.archiver.whenArchived(name(wal.history(), SEGMENT.startOf(wal.end())));
            relay.archiver.close();
            assertFalse(never.get(20, TimeUnit.SECONDS));
        }
    }
}
