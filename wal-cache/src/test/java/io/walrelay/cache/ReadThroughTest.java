package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
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
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Readers get from the archive what the relay's disk has not, and do not notice. */
class ReadThroughTest {

    @TempDir
    private Path spool;

    private final CrashableStorage disk = new CrashableStorage();
    private final MemoryStore store = new MemoryStore();

    private Tiers tiers() {
        ArchiveTier archive = new ArchiveTier(store, new ObjectFormat(Compression.ZSTD, Optional.empty()), new DurableFiles(disk), spool);
        return new Tiers(disk, Caches.SETTINGS, Optional.of(archive));
    }

    private static ArchivedName name(TimelineHistory lineage, Lsn lsn) {
        return new ArchivedName(lineage, new WalFileName.Segment(SegmentId.at(lineage.timeline(), lsn, SEGMENT)), SEGMENT);
    }

    /** Archives the segments of {@code wal}'s own timeline from the one that {@code from} lies in up to {@code to}. */
    private static void archive(Tiers tiers, WalCraft wal, Lsn from, Lsn to) throws IOException {
        Archive archive = tiers.archive().orElseThrow().of(Caches.SYSTEM);
        for (Lsn at = SEGMENT.startOf(from); SEGMENT.endOf(at).isAtMost(to); at = SEGMENT.endOf(at)) {
            byte[] bytes = wal.bytes(at, SEGMENT.endOf(at));
            archive.put(name(wal.history(), at), () -> new ByteArrayInputStream(bytes));
        }
    }

    static byte[] read(WalCache cache, TimelineHistory lineage, Lsn from, Lsn to) throws Exception {
        ByteBuffer all = ByteBuffer.allocate((int) to.minus(from));
        try (WalCursor cursor = cache.openCursor()) {
            while (all.hasRemaining()) {
                try {
                    Caches.copy(cursor.read(lineage, from.plus(all.position()), to, 128 << 10), all);
                } catch (WalOnItsWayException e) {
                    e.arrival().exceptionally(_ -> null).toCompletableFuture().get(10, TimeUnit.SECONDS);
                }
            }
        }
        return all.array();
    }

    private static void append(WalCache cache, WalCraft wal, Lsn from, Lsn to) throws Exception {
        Caches.append(cache, wal, from, to);
        cache.writer().publish();
        cache.writer().flush();
    }

    @Test
    void whatWasBeforeTheRelayBeganAndWhatItFreed() throws Exception {
        WalCraft wal = Caches.craft(1).randomRecords(500, 300_000);
        Lsn began = ORIGIN.plus(3 * MB);
        CacheSettings small = new CacheSettings(MB, 3L * MB, Duration.ofHours(1), SlotLimits.upTo(1L << 40), false);
        Tiers tiers = new Tiers(disk, small, tiers().archive());
        archive(tiers, wal, ORIGIN, wal.end());
        try (WalCache cache = WalCache.create(tiers, Caches.SYSTEM, SEGMENT, wal.history(), began)) {
            append(cache, wal, began, wal.end());
            cache.retain(Instant.parse("2100-01-01T00:00:00Z"));
            assertTrue(cache.oldest().isAfter(began.plus(MB)), "something was freed");
            assertArrayEquals(wal.bytes(), read(cache, wal.history(), ORIGIN, wal.end()));
        }
    }

    @Test
    void aGapIsFilled() throws Exception {
        WalCraft wal = Caches.craft(2).randomRecords(500, 300_000);
        Lsn lost = ORIGIN.plus(2 * MB + 100_000);
        Lsn found = ORIGIN.plus(5 * MB);
        Tiers tiers = tiers();
        try (WalCache cache = WalCache.create(tiers, Caches.SYSTEM, SEGMENT, wal.history(), ORIGIN)) {
            append(cache, wal, ORIGIN, lost);
            cache.skipTo(found);
            append(cache, wal, found, wal.end());
            WalNotHeldException e = assertThrows(WalNotHeldException.class, () -> read(cache, wal.history(), ORIGIN, wal.end()));
            assertTrue(String.valueOf(e.getMessage()).contains("and the archive has it not"), e.getMessage());
            archive(tiers, wal, ORIGIN.plus(2 * MB), found);
            for (long n = 0; n < 6; n++) {
                cache.archived().orElseThrow().fetcher().nowThere(name(wal.history(), ORIGIN.plus(n * MB)));
            }
            assertArrayEquals(wal.bytes(), read(cache, wal.history(), ORIGIN, wal.end()));
        }
    }

    /**
     * <pre>
     *   1  ──────┬─────────── the archive has all of it, past the fork too
     *            └─────────── 2
     * </pre>
     */
    @Test
    void anAncestorsSegmentIsReadUpToTheForkAndNoFurther() throws Exception {
        WalCraft one = Caches.craft(3).randomRecords(500, 300_000);
        Lsn fork = one.lastRecordEndAt(ORIGIN.plus(3 * MB + 400_000));
        WalCraft two = one.promoted(new TimelineId(2), fork).randomRecords(300, 300_000);
        Tiers tiers = tiers();
        archive(tiers, one, ORIGIN, one.end());
        Lsn began = SEGMENT.endOf(fork);
        try (WalCache cache = WalCache.create(tiers, Caches.SYSTEM, SEGMENT, two.history(), began)) {
            append(cache, two, began, two.end());
            assertArrayEquals(two.bytes(ORIGIN, fork), read(cache, two.history(), ORIGIN, fork));
            assertThrows(WalNotHeldException.class, () -> read(cache, two.history(), ORIGIN, two.end()), "the new timeline's first segment is nowhere");
            archive(tiers, two, fork, SEGMENT.endOf(fork));
            cache.archived().orElseThrow().fetcher().nowThere(name(two.history(), fork));
            assertArrayEquals(two.bytes(), read(cache, two.history(), ORIGIN, two.end()));
        }
    }

    @Test
    void anArchiveThatCannotBeAskedIsNotTheEndOfWal() throws Exception {
        WalCraft wal = Caches.craft(4).randomRecords(500, 300_000);
        Tiers tiers = tiers();
        archive(tiers, wal, ORIGIN, wal.end());
        Lsn began = ORIGIN.plus(3 * MB);
        try (WalCache cache = WalCache.create(tiers, Caches.SYSTEM, SEGMENT, wal.history(), began)) {
            append(cache, wal, began, wal.end());
            store.failFor(key -> true);
            IOException e = assertThrows(IOException.class, () -> read(cache, wal.history(), ORIGIN, wal.end()));
            assertTrue(String.valueOf(e.getMessage()).contains("can't be asked now"), e.getMessage());
            store.failFor(key -> false);
            assertArrayEquals(wal.bytes(), read(cache, wal.history(), ORIGIN, wal.end()));
        }
    }

    @Test
    void aReaderThatLeavesWhileItWaitsLeavesNothingOpen() throws Exception {
        WalCraft wal = Caches.craft(5).randomRecords(500, 300_000);
        Tiers tiers = tiers();
        archive(tiers, wal, ORIGIN, wal.end());
        Lsn began = ORIGIN.plus(3 * MB);
        try (WalCache cache = WalCache.create(tiers, Caches.SYSTEM, SEGMENT, wal.history(), began)) {
            append(cache, wal, began, wal.end());
            CountDownLatch left = new CountDownLatch(1);
            store.hangFor(_ -> true, left);
            WalOnItsWayException onItsWay;
            try (WalCursor cursor = cache.openCursor()) {
                onItsWay = assertThrows(WalOnItsWayException.class, () -> cursor.read(wal.history(), ORIGIN, wal.end(), 8192));
            }
            left.countDown();
            onItsWay.arrival().toCompletableFuture().get(10, TimeUnit.SECONDS);
            var fetched = cache.archived().orElseThrow().fetch(wal.history(), SegmentId.at(wal.history().timeline(), ORIGIN, SEGMENT)).get(10, TimeUnit.SECONDS).orElseThrow();
            // The reader's own is given back by whoever completes what it waited for, which may be just now.
            long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
            while (fetched.refCnt() != 2 && System.nanoTime() < limit) {
                LockSupport.parkNanos(1_000_000);
            }
            assertEquals(2, fetched.refCnt(), "the fetcher's and ours");
            fetched.release();
        }
    }
}
