package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

class WalWriterTest {

    private static final Logger log = LoggerFactory.getLogger(WalWriterTest.class);

    private final CrashableStorage disk = new CrashableStorage();
    private final WalCraft wal = Caches.craft(2).randomRecords(50, 20_000).record(2 * MB + 77).randomRecords(300, 20_000);

    @Test
    void refusesAGap() throws Exception {
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            IllegalArgumentException e = assertThrows(
                    IllegalArgumentException.class, () -> Caches.append(cache, wal, ORIGIN.plus(8), ORIGIN.plus(100)));
            assertEquals("WAL from 0/1000008 would leave a gap: the relay has it up to 0/1000000", e.getMessage());
        }
    }

    @Test
    void namesTheFirstByteThatDiffersFromWhatIsHeld() throws Exception {
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            Lsn end = ORIGIN.plus(MB + 300_000);
            Caches.append(cache, wal, ORIGIN, end);
            for (int at : new int[] {0, 1, 8191, 131_071, 131_072, MB - 1, MB, MB + 299_999}) {
                byte[] other = wal.bytes(ORIGIN, end.plus(50));
                other[at] ^= 1;
                DivergentWalException e =
                        assertThrows(DivergentWalException.class, () -> cache.writer().append(ORIGIN, Unpooled.wrappedBuffer(other)));
                assertEquals(ORIGIN.plus(at), e.at());
            }
            Caches.append(cache, wal, ORIGIN, end.plus(50));
            assertEquals(end.plus(50), cache.writer().publish().written(), "equal bytes are passed over, new ones taken");
        }
    }

    @Test
    void acknowledgesOnlyEndsOfRecordsAndOfSegments() throws Exception {
        Random random = new Random(3);
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            for (Lsn at = ORIGIN; at.isBefore(wal.end()); at = cache.end().written()) {
                Caches.append(cache, wal, at, Lsn.min(wal.end(), at.plus(1 + random.nextInt(30_000))));
                cache.writer().publish();
                EndOfWal end = cache.writer().flush();
                Lsn expected = Lsn.max(wal.lastRecordEndAt(end.written()), Caches.SEGMENT.startOf(end.written()));
                assertEquals(expected, end.acknowledgeable(), "at " + end);
            }
        }
    }

    @Test
    void knowsWhereTheLastRecordEndsThatWasAcknowledgedWhole() throws Exception {
        Random random = new Random(4);
        int crossed = 0;
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            for (Lsn at = ORIGIN; at.isBefore(wal.end()); at = cache.end().written()) {
                Caches.append(cache, wal, at, Lsn.min(wal.end(), at.plus(1 + random.nextInt(30_000))));
                cache.writer().publish();
                Lsn acknowledged = cache.writer().flush().acknowledgeable();
                Lsn whole = cache.writer().lastRecordBefore(acknowledged);
                assertEquals(Lsn.max(ORIGIN, wal.lastRecordEndAt(acknowledged)), whole, "acknowledged " + acknowledged);
                crossed += whole.isBefore(acknowledged) ? 1 : 0;
            }
        }
        assertTrue(crossed > 10, () -> "a segment's beginning inside a record was acknowledged too seldom");
    }

    @Test
    void knowsAlsoAfterAStartWhatWasAcknowledgedOfARecordThatCrossesTheEnd() throws Exception {
        WalCraft crossing = Caches.craft(6).record(2 * MB + 1000).randomRecords(40, 9_000).record(3 * MB);
        Lsn before = crossing.recordEnds().get(crossing.recordEnds().size() - 2);
        Lsn boundary = Caches.SEGMENT.endOf(before);
        try (WalCache cache = Caches.create(disk, crossing, ORIGIN)) {
            Caches.append(cache, crossing, ORIGIN, boundary);
            cache.writer().publish();
            assertEquals(boundary, cache.writer().flush().acknowledgeable());
            assertEquals(before, cache.writer().lastRecordBefore(boundary));
        }
        try (WalCache again = Caches.reopen(disk)) {
            assertEquals(boundary, again.end().acknowledgeable());
            assertEquals(before, again.writer().lastRecordBefore(boundary));
        }
    }

    @Test
    void acknowledgesTheRestOfARecordThatBeganBeforeTheRelay() throws Exception {
        WalCraft cut = Caches.craft(4).record(MB + 50_000).randomRecords(3, 500);
        Lsn first = cut.recordEnds().getFirst();
        try (WalCache cache = Caches.create(disk, cut, ORIGIN.plus(MB))) {
            Caches.append(cache, cut, ORIGIN.plus(MB), first);
            cache.writer().publish();
            assertEquals(first, cache.writer().flush().acknowledgeable());
            CrashableStorage after = disk.copyAfterCrash(5);
            try (WalCache again = Caches.reopen(after)) {
                assertEquals(first, again.end().written());
                Caches.append(again, cut, first, cut.end());
                again.writer().publish();
                assertEquals(cut.end(), again.writer().flush().acknowledgeable());
            }
        }
    }

    @Test
    void anEndOfASegmentInsideARecordIsRecoveredWithoutTheSegmentsBefore() throws Exception {
        WalCraft long3 = Caches.craft(4).record(3 * MB).randomRecords(3, 500);
        Lsn inside = ORIGIN.plus(2 * MB);
        try (WalCache cache = Caches.create(disk, long3, ORIGIN.plus(MB))) {
            Caches.append(cache, long3, ORIGIN.plus(MB), inside);
            cache.writer().publish();
            assertEquals(inside, cache.writer().flush().acknowledgeable());
            try (WalCache again = Caches.reopen(disk.copyAfterCrash(6))) {
                assertEquals(inside, again.end().written());
                Caches.append(again, long3, inside, long3.end());
                again.writer().publish();
                assertEquals(long3.end(), again.writer().flush().acknowledgeable());
            }
        }
    }

    @Test
    void segmentsThatWereFinishedWithinOneFlushLeaveNoHole() throws Exception {
        for (int k = 1; k <= 16; k++) {
            CrashableStorage dying = new CrashableStorage();
            try (WalCache cache = Caches.create(dying, wal, ORIGIN)) {
                Caches.append(cache, wal, ORIGIN, ORIGIN.plus(3 * MB + 100_000));
                cache.writer().publish();
                dying.crashBeforeOperation(k);
                cache.writer().flush();
            } catch (CrashableStorage.CrashedException e) {
                log.debug("crashed before operation {}", k);
            }
            for (long seed = 0; seed < 40; seed++) {
                try (WalCache again = Caches.reopen(dying.crash(seed))) {
                    Lsn end = again.end().written();
                    assertEquals(ORIGIN, again.oldest(), "a hole after crash %d, seed %d: WAL ends at %s".formatted(k, seed, end));
                    assertArrayEquals(wal.bytes(ORIGIN, end), Caches.read(again, wal.history(), ORIGIN, end, MB));
                }
            }
        }
    }

    @Test
    void beginsANewFolderAtTheSegmentOfALaterTimelineThatHoldsTheFork() throws Exception {
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().get(20)).randomRecords(20, 900);
        try (WalCache cache = Caches.create(disk, two, ORIGIN)) {
            assertEquals(ORIGIN, cache.end().written());
            Caches.append(cache, two, ORIGIN, two.end());
        }
        try (WalCache cache = Caches.reopen(disk)) {
            assertEquals(two.end(), cache.end().written());
            assertArrayEquals(two.bytes(), Caches.read(cache, two.history(), ORIGIN, two.end(), 8192));
        }
    }

    @Test
    void flushingBesideAppendingNeverRunsAhead() throws Exception {
        WalCraft much = Caches.craft(5).randomRecords(3_000, 20_000);
        AtomicBoolean done = new AtomicBoolean();
        try (WalCache cache = Caches.create(disk, much, ORIGIN)) {
            CompletableFuture<Long> flusher = CompletableFuture.supplyAsync(() -> {
                long rounds = 0;
                try {
                    while (!done.get()) {
                        EndOfWal before = cache.end();
                        EndOfWal after = cache.writer().flush();
                        if (after.flushed().isBefore(before.written())) {
                            throw new AssertionError("published before the flush, but not flushed: " + before + ", " + after);
                        }
                        rounds++;
                    }
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
                return rounds;
            });
            for (Lsn at = ORIGIN; at.isBefore(much.end()); at = cache.end().written()) {
                Caches.append(cache, much, at, Lsn.min(much.end(), at.plus(30_011)));
                cache.writer().publish();
            }
            done.set(true);
            assertTrue(flusher.get(20, TimeUnit.SECONDS) > 0);
            assertEquals(much.end(), cache.writer().flush().flushed());
            assertArrayEquals(much.bytes(), Caches.read(cache, much.history(), ORIGIN, much.end(), 128 << 10));
        }
        try (WalCache cache = Caches.reopen(disk.crash(1))) {
            assertEquals(much.end(), cache.end().written());
        }
    }

    @Test
    void theFlusherMissesNoPublication() throws Exception {
        try (WalCache cache = Caches.create(disk, wal, ORIGIN);
                GroupFsync fsync = cache.groupFsync(() -> {}, e -> {})) {
            fsync.start();
            Lsn at = ORIGIN;
            for (int i = 0; i < 100; i++) {
                Caches.append(cache, wal, at, at.plus(1000));
                at = at.plus(1000);
                fsync.wrote(cache.writer().publish());
                awaitFlushed(cache, at);
            }
        }
    }

    @Test
    void whatAFullDiskKeptFromBeingSettledIsAcknowledgedWhenThereIsRoom() throws Exception {
        WalCraft cut = Caches.craft(4).record(MB + 50_000).randomRecords(3, 500);
        Lsn from = ORIGIN.plus(MB);
        Lsn to = cut.end();
        try (WalCache cache = Caches.create(disk, cut, from);
                GroupFsync fsync = cache.groupFsync(() -> {}, e -> {})) {
            Caches.append(cache, cut, from, to);
            disk.limitTo(disk.usedBytes());
            cache.writer().publish();
            assertEquals(from, cache.writer().flush().acknowledgeable(), "flushed, but not settled");
            fsync.start();
            disk.limitTo(Long.MAX_VALUE);
            await(cache, () -> cache.end().acknowledgeable().equals(to));
        }
    }

    @Test
    void theFlusherTellsThatTheDiskFailed() throws Exception {
        CountDownLatch told = new CountDownLatch(1);
        AtomicReference<IOException> failure = new AtomicReference<>();
        try (WalCache cache = Caches.create(disk, wal, ORIGIN);
                GroupFsync fsync = cache.groupFsync(() -> {}, e -> {
                    failure.set(e);
                    told.countDown();
                })) {
            fsync.start();
            disk.failNextSync(path -> path.endsWith(".partial"));
            Caches.append(cache, wal, ORIGIN, ORIGIN.plus(1000));
            fsync.wrote(cache.writer().publish());
            assertTrue(told.await(10, TimeUnit.SECONDS));
            assertEquals("Input/output error", failure.get().getMessage());
            assertEquals(ORIGIN, cache.end().flushed());
        }
    }

    private static void awaitFlushed(WalCache cache, Lsn position) {
        await(cache, () -> cache.end().flushed().isAtLeast(position));
    }

    private static void await(WalCache cache, BooleanSupplier condition) {
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < limit, "not so in 10 s: " + cache.end());
            LockSupport.parkNanos(50_000);
        }
    }
}
