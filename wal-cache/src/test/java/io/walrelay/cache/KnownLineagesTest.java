package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.MemoryStore;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KnownLineagesTest {

    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));

    @TempDir
    private Path spool;

    private final MemoryStore store = new MemoryStore();
    private ArchivedWal archive;

    @BeforeEach
    void archiveSomething() throws IOException {
        CrashableStorage disk = new CrashableStorage();
        ArchiveTier tier = new ArchiveTier(store, new ObjectFormat(Compression.LZ4, Optional.empty()), new DurableFiles(disk), spool);
        archive = new ArchivedWal(tier, Caches.SYSTEM, SEGMENT, disk, 4L * MB);
        ArchivedName name = new ArchivedName(ONE, new WalFileName.Segment(SegmentId.at(ONE.timeline(), Caches.ORIGIN, SEGMENT)), SEGMENT);
        archive.archive().put(name, () -> new ByteArrayInputStream(new byte[MB]));
    }

    private static CompletableFuture<List<TimelineHistory>> ask(KnownLineages lineages) {
        CompletableFuture<List<TimelineHistory>> answer = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> {
            try {
                answer.complete(lineages.all());
            } catch (IOException | RuntimeException e) {
                answer.completeExceptionally(e);
            }
        });
        return answer;
    }

    /** Nobody queues behind a store that hangs, and nobody is told that there is nothing. */
    @Test
    void aStoreThatHangsIsAskedOnceForAll() throws Exception {
        KnownLineages lineages = new KnownLineages(archive, Duration.ofMillis(200));
        CountDownLatch hanging = new CountDownLatch(1);
        store.hangFor(_ -> true, hanging);
        int before = store.requests();
        List<CompletableFuture<List<TimelineHistory>>> all = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            all.add(ask(lineages));
        }
        for (CompletableFuture<List<TimelineHistory>> one : all) {
            CompletionException e = assertThrows(CompletionException.class, () -> one.orTimeout(20, TimeUnit.SECONDS).join());
            assertInstanceOf(IOException.class, e.getCause());
            assertTrue(String.valueOf(e.getMessage()).contains("has not said"), e::toString);
        }
        assertThrows(IOException.class, lineages::all, "and whoever comes later is told at once");
        assertEquals(1, store.requests() - before);
        hanging.countDown();
        // What comes late is an answer all the same.
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        Optional<List<TimelineHistory>> found = Optional.empty();
        while (found.isEmpty()) {
            assertTrue(System.nanoTime() < limit, "no answer in 20 s");
            found = ask(lineages).handle((answer, failure) -> failure == null ? Optional.of(answer) : Optional.<List<TimelineHistory>>empty()).join();
            LockSupport.parkNanos(1_000_000);
        }
        assertEquals(List.of(ONE), found.get());
    }

    @Test
    void aFailureIsBelievedForAMomentAndForgottenWhenSomethingIsPut() throws Exception {
        KnownLineages lineages = new KnownLineages(archive, Duration.ofSeconds(20));
        store.failFor(_ -> true);
        int before = store.requests();
        IOException e = assertThrows(IOException.class, lineages::all);
        assertTrue(String.valueOf(e.getMessage()).contains("can't be asked now"), e::toString);
        assertThrows(IOException.class, lineages::all);
        assertEquals(1, store.requests() - before);
        store.failFor(_ -> false);
        lineages.forget();
        assertEquals(List.of(ONE), lineages.all());
    }
}
