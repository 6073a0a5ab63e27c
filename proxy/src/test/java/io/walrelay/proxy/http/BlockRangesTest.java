package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is refused is in RelayChangesTest. */
class BlockRangesTest {

    private static final Logger log = LoggerFactory.getLogger(BlockRangesTest.class);

    private record Run(int first, long count) {}

    private static List<Run> read(String text) {
        List<Run> runs = new ArrayList<>();
        char[] around = ("7," + text + ",8").toCharArray();
        BlockRanges.read(around, 2, text.length(), (first, count) -> runs.add(new Run(first, count)));
        return runs;
    }

    @Test
    void theyReadAsListsOfProcessors() {
        StringBuilder text = new StringBuilder();
        BlockRanges.append(text, 0, 7);
        BlockRanges.append(text, 9, 1);
        BlockRanges.append(text, -1, 1);
        assertEquals("0-6,9,4294967295", text.toString());
        assertEquals(List.of(), read(""));
    }

    @Test
    void whatIsWrittenIsRead() {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        log.info("-Dwalrelay.seed={}", seed);
        Random random = new Random(seed);
        for (int round = 0; round < 1000; round++) {
            List<Run> runs = new ArrayList<>();
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(20); i > 0; i--) {
                int first = random.nextInt() >>> random.nextInt(32);
                long left = (1L << 32) - Integer.toUnsignedLong(first);
                long count = 1 + (random.nextBoolean() ? 0 : random.nextLong(left));
                runs.add(new Run(first, count));
                BlockRanges.append(text, first, count);
            }
            assertEquals(runs, read(text.toString()), text::toString);
        }
    }
}
