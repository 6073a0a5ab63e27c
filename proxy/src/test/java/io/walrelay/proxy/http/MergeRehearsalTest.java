package io.walrelay.proxy.http;

import static io.walrelay.proxy.http.WalServer.MB;
import static io.walrelay.proxy.http.WalServer.ORIGIN;
import static io.walrelay.proxy.http.WalServer.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.HeldIndexing;
import io.walrelay.cache.WalVerifier;
import io.walrelay.cache.index.BlockWal;
import io.walrelay.proxy.demo.Await;
import io.walrelay.wal.Lsn;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MergeRehearsalTest {

    @TempDir
    private Path directory;

    private final Semaphore merging = new Semaphore(1);

    @Test
    void isPlayedOnceTheNewestSegmentsHaveAnIndex() throws Exception {
        long seed = System.nanoTime();
        BlockWal blocks = new BlockWal(WalServer.craft(seed), seed);
        blocks.random(7 * MB / 2);
        Lsn end = blocks.wal().end();
        try (WalServer server = WalServer.holding(directory, Optional.empty(), blocks.wal(), ORIGIN);
                MergeRehearsal rehearsal = new MergeRehearsal(server.state(), merging)) {
            assertFalse(rehearsal.isDone(), "no index yet");
            try (WalVerifier verifier = server.cache().verifier(ORIGIN, LagHistoryTest.NO_DAMAGE)) {
                verifier.start();
                try (HeldIndexing indexing = server.cache().heldIndexing(verifier)) {
                    indexing.start();
                    int whole = SEGMENT.segments(ORIGIN, SEGMENT.startOf(end));
                    Await.until("all segments to have an index, seed " + seed, Duration.ofSeconds(30),
                            () -> server.cache().changeIndex().segments(blocks.wal().history(), ORIGIN, end).size() == whole);
                    assertTrue(merging.tryAcquire());
                    assertFalse(rehearsal.isDone(), "while somebody else's is merged");
                    merging.release();
                    assertTrue(rehearsal.isDone());
                    assertEquals(1, merging.availablePermits());
                }
            }
        }
    }

    @Test
    void waitsForWal() throws Exception {
        try (WalServer server = WalServer.empty(directory);
                MergeRehearsal rehearsal = new MergeRehearsal(server.state(), merging)) {
            assertFalse(rehearsal.isDone());
        }
    }
}
