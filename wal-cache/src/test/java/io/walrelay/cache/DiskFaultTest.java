package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A disk that fails a sync, is full, or can't be read. */
class DiskFaultTest {

    private final CrashableStorage disk = new CrashableStorage();
    private final WalCraft wal = Caches.craft(1).randomRecords(100, 20_000).record(2 * MB).randomRecords(20, 3_000);

    @Test
    void aFailedSyncMovesNothingAndIsNeverTriedAgain() throws Exception {
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            Lsn first = wal.recordEnds().get(10);
            Lsn second = wal.recordEnds().get(20);
            Caches.append(cache, wal, ORIGIN, first);
            cache.writer().publish();
            cache.writer().flush();
            Caches.append(cache, wal, first, second);
            cache.writer().publish();
            disk.failNextSync(path -> path.endsWith(".partial"));

            assertThrows(IOException.class, () -> cache.writer().flush());

            assertEquals(first, cache.end().flushed());
            assertEquals(first, cache.end().acknowledgeable());
            assertThrows(IOException.class, () -> cache.writer().flush(), "the disk would succeed now, and lie");
            assertThrows(IOException.class, () -> cache.writer().publish());
            assertThrows(IOException.class, () -> Caches.append(cache, wal, second, wal.end()));
            assertEquals(first, cache.end().flushed());
        }
        // The process starts again; the kernel has the bytes in memory, for clean, and not all of them on the disk.
        Lsn recovered;
        try (WalCache cache = Caches.reopen(disk)) {
            recovered = cache.end().acknowledgeable();
            assertTrue(recovered.isAtLeast(wal.recordEnds().get(10)));
        }
        for (long seed = 0; seed < 20; seed++) {
            CrashableStorage after = disk.crash(seed);
            try (WalCache cache = Caches.reopen(after)) {
                assertTrue(cache.end().written().isAtLeast(recovered), "seed " + seed);
                assertArrayEquals(wal.bytes(ORIGIN, recovered), Caches.read(cache, wal.history(), ORIGIN, recovered, 128 << 10));
            }
        }
    }

    @Test
    void aSegmentThatHasNoRoomIsTakenInWhenThereIsSome() throws Exception {
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            Caches.append(cache, wal, ORIGIN, ORIGIN.plus(1000));
            disk.limitTo(disk.usedBytes());

            assertThrows(DiskFullException.class, () -> Caches.append(cache, wal, ORIGIN.plus(1000), wal.end()));
            assertThrows(DiskFullException.class, () -> Caches.append(cache, wal, ORIGIN.plus(1000), wal.end()));
            cache.writer().publish();
            EndOfWal full = cache.writer().flush();
            assertEquals(full.written(), full.flushed());
            assertTrue(full.written().isAtLeast(ORIGIN.plus(MB)), "what came before is kept: " + full);

            disk.limitTo(Long.MAX_VALUE);
            Caches.append(cache, wal, ORIGIN.plus(1000), wal.end());
            cache.writer().publish();
            assertEquals(wal.end(), cache.writer().flush().flushed());
            assertArrayEquals(wal.bytes(), Caches.read(cache, wal.history(), ORIGIN, wal.end(), 128 << 10));
        }
        try (WalCache cache = Caches.reopen(disk)) {
            assertEquals(wal.end(), cache.end().written());
        }
    }

    @Test
    void aDiskThatCannotBeReadIsNoEndOfWal() throws Exception {
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            Caches.append(cache, wal, ORIGIN, wal.recordEnds().get(30));
        }
        disk.failReads(path -> path.startsWith("wal/"));
        IOException e = assertThrows(IOException.class, () -> Caches.reopen(disk));
        assertEquals("Input/output error", e.getMessage());
        disk.failReads(path -> false);
        try (WalCache cache = Caches.reopen(disk)) {
            assertEquals(wal.recordEnds().get(30), cache.end().written());
        }
    }

    @Test
    void aFolderIsNotBegunTwice() throws Exception {
        Caches.create(disk, wal, ORIGIN).close();
        assertThrows(IOException.class, () -> Caches.create(disk, wal, ORIGIN));
    }

    @Test
    void aChangeOfTimelineThatHasNoRoomLeavesTheOldOneInForceAndCanBeRepeated() throws Exception {
        Lsn fork = wal.recordEnds().get(30);
        WalCraft two = wal.promoted(new TimelineId(2), fork).randomRecords(100, 3_000);
        byte[] history = Caches.historyText(two.history());
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            Caches.append(cache, wal, ORIGIN, wal.end());
            disk.limitTo(disk.usedBytes());

            assertThrows(DiskFullException.class, () -> cache.follow(two.history(), history, ORIGIN));
            assertThrows(DiskFullException.class, () -> cache.storeHistory(new TimelineId(2), history));
            assertEquals(wal.history(), cache.end().lineage());
            assertEquals(wal.end(), cache.end().written());
            assertEquals(List.of(), cache.orphans());
            assertArrayEquals(wal.bytes(), Caches.read(cache, wal.history(), ORIGIN, wal.end(), 128 << 10));

            disk.limitTo(Long.MAX_VALUE);
            assertTrue(cache.follow(two.history(), history, wal.end()).isPresent());
            Caches.append(cache, two, fork, two.end());
            cache.writer().publish();
            cache.writer().flush();

            disk.limitTo(disk.usedBytes());
            assertThrows(DiskFullException.class, cache::acceptOrphans);
            assertTrue(cache.orphans().getFirst().alarming());
            disk.limitTo(Long.MAX_VALUE);
            cache.acceptOrphans();
            assertFalse(cache.orphans().getFirst().alarming());
        }
        try (WalCache cache = Caches.reopen(disk)) {
            assertEquals(two.end(), cache.end().written());
            assertArrayEquals(two.bytes(), Caches.read(cache, two.history(), ORIGIN, two.end(), 128 << 10));
        }
    }

    @Test
    void aChangeOfTimelineThatFailsHalfWayIsLeftToTheNextStart() throws Exception {
        Lsn fork = wal.recordEnds().get(30);
        WalCraft two = wal.promoted(new TimelineId(2), fork).randomRecords(100, 3_000);
        byte[] history = Caches.historyText(two.history());
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            Caches.append(cache, wal, ORIGIN, wal.end());
            cache.writer().publish();
            disk.failNextSync(path -> path.startsWith("orphans/"));

            assertThrows(IOException.class, () -> cache.follow(two.history(), history, ORIGIN));

            assertThrows(IOException.class, () -> cache.follow(two.history(), history, ORIGIN), "a second try would forget what the first prepared");
            assertThrows(TimelineChangingException.class, () -> Caches.read(cache, wal.history(), ORIGIN, ORIGIN.plus(8192), 8192));
        }
        try (WalCache cache = Caches.reopen(disk)) {
            assertEquals(two.history(), cache.end().lineage());
            Caches.append(cache, two, cache.end().written(), two.end());
            cache.writer().publish();
            assertArrayEquals(two.bytes(), Caches.read(cache, two.history(), ORIGIN, two.end(), 128 << 10));
        }
    }

    @Test
    void aFolderThatHasNoRoomIsBegunWhenThereIsSome() throws Exception {
        disk.limitTo(0);
        assertThrows(DiskFullException.class, () -> Caches.create(disk, wal, ORIGIN));
        disk.limitTo(Long.MAX_VALUE);
        Caches.create(disk, wal, ORIGIN).close();
    }
}
