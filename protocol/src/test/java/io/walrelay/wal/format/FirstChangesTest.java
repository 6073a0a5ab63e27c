package io.walrelay.wal.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.Lsn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Which blocks are changed, and of which it does not matter what was in them. */
class FirstChangesTest {

    private static final RelationFile TABLE = new RelationFile(1663, 5, 16384);
    private static final RelationFile OTHER = new RelationFile(1663, 6, 16384);
    private static final long AT = Lsn.parse("FFFFFFFE/1000000").value();

    private record Block(RelationFile relation, int block) {}

    private final FirstChanges changes = new FirstChanges();

    private void change(RelationFile relation, int block, long at, boolean whole) {
        changes.add(relation.tablespace(), relation.database(), relation.relation(), block, at, whole);
    }

    /** {@code 16384: 3+2 whole, 5+1}. */
    private List<String> drained() {
        List<String> runs = new ArrayList<>();
        changes.drain((relation, first, count, whole) ->
                runs.add("%s: %s+%d%s".formatted(relation, Integer.toUnsignedString(first), count, whole ? " whole" : "")));
        return runs;
    }

    @Test
    void itIsTheFirstChangeOfABlockThatCounts() {
        change(TABLE, 1, AT, true);
        change(TABLE, 1, AT + 8, false);
        change(TABLE, 2, AT + 16, false);
        change(TABLE, 2, AT + 24, true);
        assertEquals(List.of("1663/5/16384: 1+1 whole", "1663/5/16384: 2+1"), drained());
    }

    @Test
    void blocksThatFollowOneAnotherAreOneRun() {
        for (int block : new int[] {65, 62, 63, 64, 1, 0, -1, 66}) {
            change(TABLE, block, AT, block != 66);
        }
        change(OTHER, 2, AT, true);
        assertEquals(
                List.of("1663/5/16384: 0+2 whole", "1663/5/16384: 62+4 whole", "1663/5/16384: 66+1", "1663/5/16384: 4294967295+1 whole", "1663/6/16384: 2+1 whole"),
                drained());
    }

    /** A copy reads what is there when it is made: what was written as a whole before is none the worse. An index lists what is written after the copy, too, before it. */
    @Test
    void aDatabaseThatIsCopiedAsFilesIsReadFromThereOn() {
        changes.add(new FileChange.DatabaseCopied(1663, 7, 1663, 5), new Lsn(AT + 16));
        change(TABLE, 1, AT + 8, true);
        change(TABLE, 2, AT + 16, true);
        change(TABLE, 3, AT + 24, true);
        change(OTHER, 3, AT + 24, true);
        assertEquals(List.of("1663/5/16384: 1+1 whole", "1663/5/16384: 2+2", "1663/6/16384: 3+1 whole"), drained());
    }

    @Test
    void theFirstCopyCountsWhicheverIsToldFirst() {
        changes.add(new FileChange.DatabaseCopied(1663, 7, 1663, 5), new Lsn(AT + 16));
        changes.add(new FileChange.DatabaseCopied(1663, 8, 1663, 5), new Lsn(AT));
        changes.add(new FileChange.DatabaseCopied(1663, 9, 1663, 5), new Lsn(AT + 32));
        change(TABLE, 1, AT + 8, true);
        assertEquals(List.of("1663/5/16384: 1+1"), drained());
    }

    @Test
    void whatAnUnknownRecordReadsNobodyKnows() {
        changes.add(new FileChange.Unknown(128, 0), new Lsn(AT + 8));
        change(TABLE, 1, AT, true);
        change(TABLE, 2, AT + 8, true);
        change(OTHER, 1, AT + 16, true);
        assertEquals(List.of("1663/5/16384: 1+1 whole", "1663/5/16384: 2+1", "1663/6/16384: 1+1"), drained());
    }

    @Test
    void otherChangesOfFilesReadNoBlock() {
        changes.add(new FileChange.RelationTruncated(TABLE, 0, true, true, true), new Lsn(AT));
        changes.add(new FileChange.DatabaseDropped(5, List.of(1663)), new Lsn(AT));
        change(TABLE, 1, AT + 8, true);
        assertEquals(List.of("1663/5/16384: 1+1 whole"), drained());
    }

    /** Blocks may be shown before all are there; that they were read may not be forgotten. */
    @Test
    void whatWasReadIsRememberedWhenBlocksWereShown() {
        changes.add(new FileChange.DatabaseCopied(1663, 7, 1663, 5), new Lsn(AT));
        change(TABLE, 1, AT + 8, true);
        assertEquals(List.of("1663/5/16384: 1+1"), drained());
        assertEquals(0, changes.groups());
        change(TABLE, 2, AT + 16, true);
        change(OTHER, 2, AT + 16, true);
        assertEquals(List.of("1663/5/16384: 2+1", "1663/6/16384: 2+1 whole"), drained());
    }

    /** So that who shows them knows when it is much. */
    @Test
    void eachBlockCountsOnceUntilItIsShown() {
        for (int block : new int[] {0, 2, 4, 2, 1_000_000, 0}) {
            change(TABLE, block, AT, false);
        }
        change(OTHER, 0, AT, true);
        assertEquals(List.of(5, 3), List.of(changes.blocks(), changes.groups()));
        drained();
        change(OTHER, 0, AT, true);
        change(TABLE, 1, AT, true);
        assertEquals(2, changes.blocks());
        assertEquals(List.of("1663/6/16384: 0+1 whole", "1663/5/16384: 1+1 whole"), drained(), "as if there had been no others");
    }

    @Test
    void manyBlocksAreAsOneByOne() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Map<Block, Boolean> expected = new LinkedHashMap<>();
        for (int i = 0; i < 200_000; i++) {
            RelationFile relation = new RelationFile(1663 + random.nextInt(2), 5 + random.nextInt(2), 16384 + random.nextInt(5));
            int block = random.nextInt(10) == 0 ? random.nextInt() : random.nextInt(20_000);
            boolean whole = random.nextBoolean();
            change(relation, block, AT + 8L * i, whole);
            expected.putIfAbsent(new Block(relation, block), whole);
        }
        Map<Block, Boolean> found = new LinkedHashMap<>();
        changes.drain((relation, first, count, whole) -> {
            for (int i = 0; i < count; i++) {
                assertEquals(null, found.put(new Block(relation, first + i), whole), () -> "twice, seed " + seed);
            }
        });
        assertTrue(expected.equals(found), () -> "seed " + seed);
    }
}
