package io.walrelay.rewind.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.rewind.source.ParallelFetch.Range;
import io.walrelay.rewind.source.RewindSource.Fetch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ParallelFetchTest {

    private static final int MB = 1 << 20;

    @Test
    void longRangesAreCutIntoChunksAndManyIntoBatches() {
        assertEquals(
                List.of(
                        List.of(new Range("a", 100, MB), new Range("a", 100 + MB, MB), new Range("a", 100 + 2 * MB, 5), new Range("b", 0, MB)),
                        List.of(new Range("b", MB, MB))),
                ParallelFetch.batches(List.of(new Fetch("a", 100, 2 * MB + 5, false), new Fetch("b", 0, 2 * MB, false))));
        List<Fetch> blocks = IntStream.range(0, 1_500).mapToObj(i -> new Fetch("a", i * 16_384L, 100, false)).toList();
        assertEquals(List.of(1_000, 500), ParallelFetch.batches(blocks).stream().map(List::size).toList());
    }

    /** It may have grown since it was listed; its size counts for the batch. */
    @Test
    void aSmallWholeFileIsAskedForAsAChunk() {
        List<Fetch> files = IntStream.range(0, 100).mapToObj(i -> new Fetch("f" + i, 0, 300, true)).toList();
        List<List<Range>> batches = ParallelFetch.batches(files);
        assertEquals(1, batches.size());
        assertEquals(new Range("f7", 0, MB), batches.getFirst().get(7));
    }

    @Test
    void nothingIsNoBatch() {
        assertEquals(List.of(), ParallelFetch.batches(List.of(new Fetch("a", 0, 0, false))));
    }

    private static void fetchTwoBatches(ScriptedServer server) throws IOException {
        try (ParallelFetch fetch = new ParallelFetch(server, 2)) {
            fetch.fetch(List.of(new Fetch("a", 0, 8 * MB, false)), new RewindSource.Sink() {
                @Override
                public void bytes(String path, long offset, ByteBuffer bytes) {
                    throw new AssertionError(path);
                }

                @Override
                public void absent(String path) {
                    throw new AssertionError(path);
                }
            });
        }
    }

    @Test
    @Timeout(60)
    void anErrorInASessionEndsTheFetch() {
        ScriptedServer server = new ScriptedServer((_, _) -> {
            throw new StackOverflowError("of the test");
        });
        IOException failed = assertThrows(IOException.class, () -> fetchTwoBatches(server));
        assertEquals("java.lang.StackOverflowError: of the test", failed.getMessage());
    }

    @Test
    @Timeout(60)
    void sessionsAreThereForTheNextFetchUntilAllIsClosed() throws IOException {
        ScriptedServer server = new ScriptedServer((_, _) -> 1);
        List<String> absent = new ArrayList<>();
        try (ParallelFetch fetch = new ParallelFetch(server, 2)) {
            for (int i = 0; i < 3; i++) {
                fetch.fetch(List.of(new Fetch("a" + i, 0, 1, false)), new RewindSource.Sink() {
                    @Override
                    public void bytes(String path, long offset, ByteBuffer bytes) {
                        throw new AssertionError(path);
                    }

                    @Override
                    public void absent(String path) {
                        absent.add(path);
                    }
                });
            }
            assertEquals(1, server.opened());
            assertEquals(1, server.left());
        }
        assertEquals(List.of("a0", "a1", "a2"), absent);
        assertEquals(0, server.left());
    }

    /** One session fails while the other waits for an answer that would take for ever. */
    @Test
    @Timeout(60)
    void noSessionOutlivesTheFetch() {
        CountDownLatch waiting = new CountDownLatch(1);
        ScriptedServer server = new ScriptedServer((number, ended) -> {
            if (number == 1) {
                waiting.await();
                throw new SQLException("permission denied", "42501");
            }
            waiting.countDown();
            awaitUninterruptibly(ended);
            throw new SQLException("closed", "08006");
        });
        assertThrows(IOException.class, () -> fetchTwoBatches(server));
        assertEquals(2, server.opened());
        assertEquals(0, server.left());
        assertEquals(List.of(), Thread.getAllStackTraces().keySet().stream().map(Thread::getName).filter(name -> name.startsWith("fetch-")).toList());
    }

    /** As one waits for a socket. */
    private static void awaitUninterruptibly(CountDownLatch latch) {
        boolean interrupted = false;
        while (latch.getCount() > 0) {
            try {
                latch.await();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
