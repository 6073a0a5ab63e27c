package io.walrelay.rewind.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.rewind.datadir.RelationPath;
import io.walrelay.wal.format.RelationFile;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BlockMapTest {

    private static final int BLOCKS_PER_FILE = 64;

    private record Block(RelationFile relation, long number) {}

    /** In whatever order blocks and ranges of them come, each file has those that were added to it. */
    @Test
    void hasWhatWasAdded() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            BlockMap map = new BlockMap(BLOCKS_PER_FILE);
            BlockMap news = new BlockMap(BLOCKS_PER_FILE);
            Set<Block> expected = new HashSet<>();
            Set<Block> expectedNews = new HashSet<>();
            for (int i = 0; i < 60; i++) {
                RelationFile relation = new RelationFile(1663 + random.nextInt(2), random.nextInt(2), 16384 + random.nextInt(2));
                long first = (random.nextBoolean() ? 0 : 0xFFFFFE00L) + random.nextInt(250);
                long count = 1L + random.nextInt(200);
                switch (random.nextInt(4)) {
                    case 0 -> {
                        boolean isNew = map.add(relation.tablespace(), relation.database(), relation.relation(), (int) first);
                        assertEquals(expected.add(new Block(relation, first)), isNew, "seed " + seed);
                    }
                    case 1 -> {
                        map.add(relation, (int) first, count);
                        add(expected, relation, first, count);
                    }
                    case 2 -> {
                        map.add(relation, (int) first, count, news);
                        for (long block = first; block < first + count; block++) {
                            if (expected.add(new Block(relation, block))) {
                                expectedNews.add(new Block(relation, block));
                            }
                        }
                    }
                    default -> {
                        long file = first / BLOCKS_PER_FILE;
                        int from = random.nextInt(BLOCKS_PER_FILE);
                        int to = from + random.nextInt(BLOCKS_PER_FILE - from);
                        map.addRange(new RelationPath(relation, (int) file), from, to);
                        add(expected, relation, file * BLOCKS_PER_FILE + from, to - from + 1);
                    }
                }
            }
            assertSame(expected, map, seed);
            assertSame(expectedNews, news, seed);
        }
    }

    private static void add(Set<Block> to, RelationFile relation, long first, long count) {
        for (long block = first; block < first + count; block++) {
            to.add(new Block(relation, block));
        }
    }

    private static void assertSame(Set<Block> expected, BlockMap map, long seed) {
        Map<RelationPath, BitSet> files = new HashMap<>();
        for (Block block : expected) {
            files.computeIfAbsent(new RelationPath(block.relation, (int) (block.number / BLOCKS_PER_FILE)), _ -> new BitSet()).set((int) (block.number % BLOCKS_PER_FILE));
        }
        files.forEach((path, blocks) -> assertEquals(blocks, map.of(path), () -> "%s, seed %d".formatted(path, seed)));
        assertEquals(expected.size(), map.size(), "seed " + seed);
    }
}
