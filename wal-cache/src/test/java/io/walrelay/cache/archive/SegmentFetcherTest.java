package io.walrelay.cache.archive;

import static io.walrelay.cache.archive.ObjectStoreContract.random;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.cache.storage.TroubledStorage;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SegmentFetcherTest {

    private static final int MB = 1 << 20;
    private static final SegmentSize SEGMENT = new SegmentSize(MB);
    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));

    @TempDir
    private Path directory;

    private final MemoryStore store = new MemoryStore();
    private Archive archive;
    private TroubledStorage disk;
    private SegmentFetcher fetcher;

    @BeforeEach
    void open() throws IOException {
        Path spool = Files.createDirectory(directory.resolve("spool"));
        archive = Archive.open(store, new ObjectFormat(Compression.LZ4, Optional.empty()), new SystemId(7), spool, Optional.empty());
        disk = new TroubledStorage(new PosixStorage(directory));
        fetcher = new SegmentFetcher((name, into) -> archive.fetch(name, into), disk, 4 * MB);
    }

    @AfterEach
    void close() {
        fetcher.close();
    }

    private static SegmentId id(long number) {
        return new SegmentId(new TimelineId(1), number);
    }

    private static ArchivedName name(long number) {
        return new ArchivedName(ONE, new WalFileName.Segment(id(number)), SEGMENT);
    }

    private void put(long number) throws IOException {
        archive.put(name(number), () -> new ByteArrayInputStream(random(number, MB)));
    }

    private CompletableFuture<Optional<SegmentFile>> fetch(long number) {
        return fetcher.fetch(name(number), id(number));
    }

    private static byte[] take(CompletableFuture<Optional<SegmentFile>> fetched) throws Exception {
        SegmentFile file = fetched.get(10, TimeUnit.SECONDS).orElseThrow();
        try {
            ByteBuffer bytes = ByteBuffer.allocate(MB);
            file.read(bytes, 0);
            return bytes.array();
        } finally {
            file.release();
        }
    }

    private long filesKept() throws IOException {
        try (var files = Files.list(directory.resolve("fetched"))) {
            return files.count();
        }
    }

    private static void await(String what, Callable<Boolean> condition) throws Exception {
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!condition.call()) {
            assertTrue(System.nanoTime() < limit, () -> "not so in 10 s: " + what);
            LockSupport.parkNanos(1_000_000);
        }
    }

    @Test
    void aSegmentIsFetchedOnceForAllWhoWaitAndThenKept() throws Exception {
        put(1);
        store.latency(Duration.ofMillis(50));
        int before = store.requests();
        List<CompletableFuture<Optional<SegmentFile>>> all = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            all.add(fetch(1));
        }
        for (CompletableFuture<Optional<SegmentFile>> one : all) {
            assertArrayEquals(random(1, MB), take(one));
        }
        assertArrayEquals(random(1, MB), take(fetch(1)));
        assertEquals(1, store.requests() - before);
        assertEquals(1, filesKept());
    }

    @Test
    void whatTheArchiveHasNotGotIsRememberedUntilItComes() throws Exception {
        assertEquals(Optional.empty(), fetch(1).get(10, TimeUnit.SECONDS));
        int before = store.requests();
        assertEquals(Optional.empty(), fetch(1).get(10, TimeUnit.SECONDS));
        assertEquals(before, store.requests());
        put(1);
        fetcher.nowThere(name(1));
        assertArrayEquals(random(1, MB), take(fetch(1)));
    }

    @Test
    void anArchiveThatCannotBeAskedIsAnErrorAndIsAskedAgain() throws Exception {
        put(1);
        store.failFor(key -> true);
        ExecutionException e = assertThrows(ExecutionException.class, () -> fetch(1).get(10, TimeUnit.SECONDS));
        assertInstanceOf(IOException.class, e.getCause());
        store.failFor(key -> false);
        assertArrayEquals(random(1, MB), take(fetch(1)));
        assertEquals(1, filesKept(), "nothing is left of the one that failed");
    }

    @Test
    void anObjectOfAnotherLengthIsNoSegment() throws Exception {
        archive.put(name(1), () -> new ByteArrayInputStream(random(1, MB - 1)));
        ExecutionException e = assertThrows(ExecutionException.class, () -> fetch(1).get(10, TimeUnit.SECONDS));
        assertInstanceOf(DamagedObjectException.class, e.getCause());
        assertEquals(0, filesKept());
    }

    @Test
    void onlySoMuchIsKeptAndWhoReadsIsNotDisturbed() throws Exception {
        for (long n = 1; n <= 9; n++) {
            put(n);
        }
        SegmentFile reading = fetch(1).get(10, TimeUnit.SECONDS).orElseThrow();
        for (long n = 2; n <= 9; n++) {
            take(fetch(n));
        }
        await("at most four are kept", () -> filesKept() <= 4);
        assertTrue(fetcher.bytes() <= 5 * MB, "what is read takes room as long as it is");
        ByteBuffer bytes = ByteBuffer.allocate(MB);
        reading.read(bytes, 0);
        assertArrayEquals(random(1, MB), bytes.array());
        reading.release();
        await("at most four take room", () -> fetcher.bytes() <= 4 * MB);
    }

    @Test
    void whatIsOnItsWayHasItsRoomAlready() throws Exception {
        for (long n = 1; n <= 12; n++) {
            put(n);
        }
        for (long n = 1; n <= 4; n++) {
            take(fetch(n));
        }
        CountDownLatch hanging = new CountDownLatch(1);
        store.hangFor(_ -> true, hanging);
        int before = store.requests();
        List<CompletableFuture<Optional<SegmentFile>>> coming = new ArrayList<>();
        for (long n = 5; n <= 12; n++) {
            coming.add(fetch(n));
        }
        await("four are asked for", () -> store.requests() - before >= 4);
        await("what was kept has made room", () -> fetcher.bytes() <= 4 * MB);
        assertEquals(4, store.requests() - before, "no more than there is room for");
        hanging.countDown();
        for (int i = 0; i < coming.size(); i++) {
            assertArrayEquals(random(5 + i, MB), take(coming.get(i)));
        }
    }

    /** Others write to the file system as well. */
    @Test
    void aFullFileSystemIsNoReasonToTakeTheStreamsRoom() throws Exception {
        put(1);
        put(2);
        take(fetch(1));
        disk.free(5 * MB - 1);
        ExecutionException e = assertThrows(ExecutionException.class, () -> fetch(2).get(10, TimeUnit.SECONDS));
        assertTrue(String.valueOf(e.getMessage()).contains("no room on the relay's disk"), e::toString);
        assertEquals(0, filesKept(), "what was kept went first");
        assertEquals(0, fetcher.bytes());
        disk.free(5 * MB);
        assertArrayEquals(random(2, MB), take(fetch(2)));
    }

    @Test
    void whoAsksDoesNotWaitForADiskThatDeletesSlowly() throws Exception {
        for (long n = 1; n <= 5; n++) {
            put(n);
        }
        CountDownLatch hanging = new CountDownLatch(1);
        CountDownLatch deleting = new CountDownLatch(1);
        disk.trouble((operation, _) -> {
            if (operation == TroubledStorage.Operation.DELETE) {
                deleting.countDown();
                try {
                    hanging.await();
                } catch (InterruptedException interrupted) {
                    throw new InterruptedIOException("interrupted");
                }
            }
        });
        for (long n = 1; n <= 5; n++) {
            take(fetch(n));
        }
        assertTrue(deleting.await(10, TimeUnit.SECONDS));
        assertArrayEquals(random(5, MB), take(fetch(5)));
        hanging.countDown();
        await("four are kept", () -> filesKept() == 4);
    }

    /** Every place for what is fetched ahead is taken by transfers that hang. */
    @Test
    void oneThatIsWaitedForComesBeforeAnyThatIsFetchedAhead() throws Exception {
        for (long n = 1; n <= 40; n++) {
            put(n);
        }
        CountDownLatch hanging = new CountDownLatch(1);
        SegmentFetcher slow = new SegmentFetcher(
                (name, into) -> archive.fetch(name, into),
                new PosixStorage(Files.createDirectory(directory.resolve("slow"))),
                64L * MB);
        store.hangFor(key -> !key.endsWith("28"), hanging);
        try (slow) {
            for (long n = 1; n <= 39; n++) {
                slow.fetchAhead(name(n), id(n));
            }
            assertArrayEquals(random(40, MB), take(slow.fetch(name(40), id(40))));
            CompletableFuture<Optional<SegmentFile>> queued = slow.fetch(name(39), id(39));
            hanging.countDown();
            assertArrayEquals(random(39, MB), take(queued));
        }
    }
}
