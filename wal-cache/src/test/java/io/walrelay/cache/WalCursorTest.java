package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class WalCursorTest {

    private final CrashableStorage disk = new CrashableStorage();
    private final WalCraft wal = Caches.craft(9).randomRecords(400, 20_000).record(3 * MB).randomRecords(400, 20_000);

    private WalCache filled(WalCraft with) throws Exception {
        WalCache cache = Caches.create(disk, with, ORIGIN);
        Caches.append(cache, with, ORIGIN, with.end());
        cache.writer().publish();
        cache.writer().flush();
        return cache;
    }

    @Test
    void readsTheSameFromFilesAndFromMemory() throws Exception {
        try (WalCache cache = filled(wal)) {
            for (int atMost : new int[] {8192, 100_000, 128 << 10, 4 * MB}) {
                assertArrayEquals(wal.bytes(), Caches.read(cache, wal.history(), ORIGIN, wal.end(), atMost));
            }
            try (WalCursor cursor = cache.openCursor()) {
                WalSlice old = cursor.read(wal.history(), ORIGIN, wal.end(), 8192);
                assertInstanceOf(WalSlice.InFile.class, old);
                old.release();
                WalSlice fresh = cursor.read(wal.history(), wal.end().plus(-100), wal.end(), 8192);
                assertInstanceOf(WalSlice.InMemory.class, fresh);
                assertEquals(100, fresh.length());
                fresh.release();
                TierReads.Bytes reads = cache.reads().bytes();
                assertTrue(reads.memory() > 100 && reads.disk() > 8192, reads::toString);
                assertEquals(0, reads.archive());
                assertEquals(4L * wal.bytes().length + old.length() + 100, reads.memory() + reads.disk());
            }
        }
    }

    @Test
    void cutsAtPagesUnlessTheLimitComesFirst() throws Exception {
        try (WalCache cache = filled(wal);
                WalCursor cursor = cache.openCursor()) {
            for (Lsn from : List.of(ORIGIN.plus(100), wal.end().plus(-300_000))) {
                WalSlice slice = cursor.read(wal.history(), from, wal.end(), 20_000);
                assertEquals(0, from.plus(slice.length()).value() % 8192);
                slice.release();
                WalSlice limited = cursor.read(wal.history(), from, from.plus(5_001), 20_000);
                assertEquals(5_001, limited.length());
                limited.release();
            }
        }
    }

    @Test
    void timelineTwosFirstSegmentServesTheTailOfTimelineOne() throws Exception {
        Lsn fork = wal.recordEnds().get(500);
        WalCraft two = wal.promoted(new TimelineId(2), fork).randomRecords(300, 20_000);
        try (WalCache cache = filled(wal)) {
            Orphan orphan = cache.follow(two.history(), Caches.historyText(two.history()), ORIGIN).orElseThrow();
            assertEquals(fork, orphan.fork());
            Caches.append(cache, two, fork, two.end());
            cache.writer().publish();
            assertTrue(cache.files().find(SegmentId.at(new TimelineId(1), fork, Caches.SEGMENT)).isEmpty());
            assertArrayEquals(wal.bytes(ORIGIN, fork), Caches.read(cache, wal.history(), ORIGIN, fork, 128 << 10));
            assertArrayEquals(two.bytes(), Caches.read(cache, two.history(), ORIGIN, two.end(), 128 << 10));
            try (WalCursor cursor = cache.openCursor()) {
                assertThrows(
                        WalNotHeldException.class,
                        () -> cursor.read(wal.history(), fork, fork.plus(100), 8192),
                        "the new timeline's bytes as the old one's");
            }
        }
    }

    @Test
    void aNumberTakenTwiceNeverServesTheFirstHoldersBytes() throws Exception {
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().get(500)).randomRecords(300, 20_000);
        WalCraft twoAgain = wal.promoted(new TimelineId(2), wal.recordEnds().get(450)).randomRecords(400, 20_000);
        try (WalCache cache = filled(wal);
                WalCursor cursor = cache.openCursor()) {
            cache.follow(two.history(), Caches.historyText(two.history()), ORIGIN);
            Caches.append(cache, two, cache.end().written(), two.end());
            cache.writer().publish();
            Lsn from = two.history().begin();
            WalSlice held = cursor.read(two.history(), from, two.end(), 8192);
            cache.follow(twoAgain.history(), Caches.historyText(twoAgain.history()), ORIGIN);
            Caches.append(cache, twoAgain, cache.end().written(), twoAgain.end());
            cache.writer().publish();
            byte[] expected = twoAgain.bytes(from, from.plus(8192));
            ByteBuffer found = ByteBuffer.allocate(8192);
            while (found.hasRemaining()) {
                Caches.copy(cursor.read(twoAgain.history(), from.plus(found.position()), from.plus(8192), 8192), found);
            }
            assertArrayEquals(expected, found.array());
            held.release();
            assertArrayEquals(twoAgain.bytes(), Caches.read(cache, twoAgain.history(), ORIGIN, twoAgain.end(), 128 << 10));
        }
    }

    @Test
    void stopsAtAGapAndRefusesWhatLiesInIt() throws Exception {
        Lsn before = ORIGIN.plus(MB / 2);
        Lsn behind = ORIGIN.plus(3 * MB);
        try (WalCache cache = Caches.create(disk, wal, ORIGIN);
                WalCursor cursor = cache.openCursor()) {
            Caches.append(cache, wal, ORIGIN, before);
            assertEquals(new Gap(before, behind), cache.skipTo(behind));
            assertEquals(behind, cache.oldest());
            assertThrows(IllegalArgumentException.class, () -> cache.skipTo(behind.plus(1)));
            Caches.append(cache, wal, behind, wal.end());
            cache.writer().publish();
            WalSlice last = cursor.read(wal.history(), before.plus(-10), wal.end(), 128 << 10);
            assertEquals(10, last.length());
            last.release();
            for (Lsn missing : List.of(before, behind.plus(-1), ORIGIN.plus(-1))) {
                assertThrows(WalNotHeldException.class, () -> cursor.read(wal.history(), missing, wal.end(), 8192));
            }
            assertArrayEquals(wal.bytes(behind, wal.end()), Caches.read(cache, wal.history(), behind, wal.end(), 8192));
        }
    }

    /**
     * <pre>
     *   1 ──────fork──── (its segment is gone)
     *       └─ 2         begins anew at the start of the fork's segment, which is before the fork
     * </pre>
     */
    @Test
    void theZerosPastThePublishedEndAreNobodysWal() throws Exception {
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().get(3)).randomRecords(300, 20_000);
        Lsn fork = two.history().begin();
        try (WalCache cache = filled(wal);
                WalCursor cursor = cache.openCursor()) {
            cache.files().delete(SegmentId.at(new TimelineId(1), fork, Caches.SEGMENT));
            cache.follow(two.history(), Caches.historyText(two.history()), ORIGIN);
            assertEquals(ORIGIN, cache.end().written(), "it goes on before the fork");
            assertThrows(WalNotHeldException.class, () -> cursor.read(wal.history(), ORIGIN, fork, 8192));
            Lsn some = ORIGIN.plus(fork.minus(ORIGIN) / 2);
            Caches.append(cache, two, ORIGIN, some);
            cache.writer().publish();
            WalSlice slice = cursor.read(wal.history(), ORIGIN, fork, 1 << 20);
            assertEquals(some, ORIGIN.plus(slice.length()));
            slice.release();
        }
    }

    /** The orphan's segments are out of wal/, and the new timeline's first, which begins with what is shared, is not in it yet. */
    @Test
    void whatIsHeldIsNotSaidToBeGoneWhileAForksFilesChangePlaces() throws Exception {
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().get(300)).randomRecords(300, 20_000);
        Lsn shared = Caches.SEGMENT.startOf(two.history().begin());
        List<Throwable> between = new ArrayList<>();
        try (WalCache cache = filled(wal);
                WalCursor cursor = cache.openCursor()) {
            disk.failNextSync(path -> {
                if (path.startsWith("orphans") && between.isEmpty()) {
                    try {
                        cursor.read(wal.history(), shared, two.history().begin(), 8192).release();
                        between.add(new AssertionError("the segment is where it was"));
                    } catch (Exception e) {
                        between.add(e);
                    }
                }
                return false;
            });
            cache.follow(two.history(), Caches.historyText(two.history()), ORIGIN);
            assertInstanceOf(TimelineChangingException.class, between.getFirst());
            assertArrayEquals(wal.bytes(shared, two.history().begin()), Caches.read(cache, wal.history(), shared, two.history().begin(), 8192));
        }
    }

    @Test
    void slicesOutliveTheTailAndTheFile() throws Exception {
        try (WalCache cache = Caches.create(disk, wal, ORIGIN);
                WalCursor cursor = cache.openCursor()) {
            Lsn first = ORIGIN.plus(100_000);
            Caches.append(cache, wal, ORIGIN, first);
            cache.writer().publish();
            WalSlice.InMemory slice = assertInstanceOf(WalSlice.InMemory.class, cursor.read(wal.history(), ORIGIN, first, 100_000));
            Caches.append(cache, wal, first, wal.end());
            cache.writer().publish();
            cache.writer().flush();
            WalSlice.InFile file = assertInstanceOf(WalSlice.InFile.class, cursor.read(wal.history(), ORIGIN, wal.end(), 100_000));
            cache.files().delete(SegmentId.at(new TimelineId(1), ORIGIN, Caches.SEGMENT));
            byte[] expected = wal.bytes(ORIGIN, first);
            assertThrows(WalNotHeldException.class, () -> cursor.read(wal.history(), ORIGIN, wal.end(), 8192));
            byte[] inMemory = new byte[100_000];
            slice.bytes().getBytes(slice.bytes().readerIndex(), inMemory);
            assertArrayEquals(expected, inMemory);
            ByteBuffer inFile = ByteBuffer.allocate(file.length());
            file.file().read(inFile, file.offset());
            assertArrayEquals(wal.bytes(ORIGIN, ORIGIN.plus(file.length())), inFile.array());
            slice.release();
            assertEquals(0, slice.bytes().refCnt());
            // The cursor looks for the next file and lets go of this one.
            cursor.read(wal.history(), wal.end().plus(-100), wal.end(), 8192).release();
            file.release();
            assertEquals(0, file.file().refCnt());
        }
    }

    @Test
    void readersBesideTheWriterAndRetentionGetTrueBytesAndLeakNothing() throws Exception {
        CacheSettings small = new CacheSettings(MB, 4L * MB, Duration.ZERO, SlotLimits.upTo(1L << 40), false);
        AtomicBoolean done = new AtomicBoolean();
        WalCraft much = Caches.craft(10).randomRecords(6_000, 20_000);
        byte[] truth = much.bytes();
        List<CompletableFuture<Long>> readers = new ArrayList<>();
        try (WalCache cache = WalCache.create(Tiers.local(disk, small), Caches.SYSTEM, Caches.SEGMENT, much.history(), ORIGIN)) {
            for (int i = 0; i < 4; i++) {
                readers.add(CompletableFuture.supplyAsync(() -> readAlong(cache, much.history(), truth, done)));
            }
            for (Lsn at = ORIGIN; at.isBefore(much.end()); at = cache.end().written()) {
                Caches.append(cache, much, at, Lsn.min(much.end(), at.plus(50_021)));
                cache.writer().publish();
                cache.writer().flush();
                cache.retain(Instant.EPOCH.plusSeconds(10));
            }
            done.set(true);
            for (CompletableFuture<Long> reader : readers) {
                assertTrue(reader.get(20, TimeUnit.SECONDS) > 0);
            }
            assertTrue(cache.oldest().isAfter(ORIGIN), "retention freed something");
            for (SegmentFiles.Held held : cache.files().all()) {
                SegmentFile file = cache.files().acquire(held.id());
                assertEquals(1, file.refCnt(), "somebody still holds " + held);
                file.release();
            }
        }
    }

    private static long readAlong(WalCache cache, TimelineHistory lineage, byte[] truth, AtomicBoolean done) {
        long bytes = 0;
        Lsn at = ORIGIN;
        try (WalCursor cursor = cache.openCursor()) {
            while (!done.get() || at.isBefore(cache.end().written())) {
                Lsn end = cache.end().written();
                if (!at.isBefore(end)) {
                    LockSupport.parkNanos(50_000);
                    continue;
                }
                try {
                    WalSlice slice = cursor.read(lineage, at, end, 64 << 10);
                    ByteBuffer found = ByteBuffer.allocate(slice.length());
                    Caches.copy(slice, found);
                    int from = (int) at.minus(ORIGIN);
                    assertEquals(ByteBuffer.wrap(truth, from, found.capacity()), found.flip());
                    at = at.plus(found.capacity());
                    bytes += found.capacity();
                } catch (WalNotHeldException e) {
                    at = Lsn.max(cache.oldest(), at.plus(1));
                }
            }
        } catch (java.io.IOException | TimelineChangingException | WalOnItsWayException e) {
            throw new AssertionError(e);
        }
        return bytes;
    }
}
