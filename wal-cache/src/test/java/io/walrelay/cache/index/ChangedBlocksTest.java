package io.walrelay.cache.index;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.format.RelationFile;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class ChangedBlocksTest {

    private record Block(RelationFile relation, int fork, int block) {}

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);

    /** Numbers that have their lowest bits in common, which is what tables are looked up by, and blocks next to each other as well as far apart. */
    private Block any() {
        RelationFile relation = new RelationFile(1663 + random.nextInt(2), random.nextInt(3), random.nextInt(40) << 6);
        int block = random.nextBoolean() ? random.nextInt(300) : random.nextInt();
        return new Block(relation, random.nextInt(4), block);
    }

    @Test
    void eachIsThereOnceWithItsFirstChange() {
        ChangedBlocks blocks = new ChangedBlocks(random.nextInt(5_000));
        Map<Block, Long> expected = new LinkedHashMap<>();
        Map<String, Long> references = new LinkedHashMap<>();
        for (int i = 0; i < 60_000; i++) {
            Block block = any();
            boolean wholePage = random.nextBoolean();
            int fork = blocks.fork(block.relation.tablespace(), block.relation.database(), block.relation.relation(), block.fork);
            blocks.count(fork, 0);
            blocks.add(fork, block.block, 8L * i, wholePage);
            expected.putIfAbsent(block, 8L * i | (wholePage ? 1 : 0));
            references.merge(block.relation + " " + block.fork, 1L, Long::sum);
        }
        Map<Block, Long> found = new LinkedHashMap<>();
        blocks.visit((relation, fork, block, first, wholePage) ->
                assertEquals(null, found.put(new Block(relation, fork, block), first.value() | (wholePage ? 1 : 0))));
        // Thousands of blocks are no message.
        assertTrue(expected.equals(found), () -> "seed " + seed);
        assertEquals(expected.size(), blocks.size());
        Map<String, Long> counted = new LinkedHashMap<>();
        for (int fork = 0; fork < blocks.forkCount(); fork++) {
            counted.put(blocks.relationOf(fork) + " " + blocks.kindOf(fork), blocks.referencesOf(fork));
        }
        assertEquals(references, counted, "in the order in which they came; seed " + seed);
    }

    /** What no server writes, but a record may say. */
    @Test
    void aRelationOfZerosIsOneToo() {
        ChangedBlocks blocks = new ChangedBlocks(0);
        assertEquals(0, blocks.fork(0, 0, 0, 0));
        assertEquals(1, blocks.fork(0, 0, 0, 1));
        assertEquals(0, blocks.fork(0, 0, 0, 0));
        assertEquals(2, blocks.forkCount());
    }
}
