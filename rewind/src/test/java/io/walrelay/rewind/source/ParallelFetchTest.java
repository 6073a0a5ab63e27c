package io.walrelay.rewind.source;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.rewind.source.ParallelFetch.Range;
import io.walrelay.rewind.source.RewindSource.Fetch;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

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
}
