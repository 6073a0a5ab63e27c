package io.walrelay.cache.index;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.BlockReference;
import io.walrelay.wal.format.FirstChanges;
import io.walrelay.wal.format.RelationFile;
import java.util.Arrays;

/**
 * The blocks that a stretch of WAL changes, each with its first change there. Two tables of open addressing over arrays of numbers, because they
 * are asked for every block reference of the log: forks by what they are of, each with a number from 0 on; blocks, 64 neighbours in one place with a
 * bit for each, so that what is asked for again and again is small enough to stay at hand. Blocks are listed besides in the order in which they
 * came, so that nothing has to be sorted.
 *
 * <p>Confined to one thread.
 */
public final class ChangedBlocks {

    /** Is shown each block once. */
    @FunctionalInterface
    public interface Visitor {

        /**
         * @param fork as {@link io.walrelay.wal.format.BlockReference#fork}
         * @param block unsigned
         * @param first where the record starts that changes it first
         * @param wholePage whether that one writes the whole page, whatever was there
         */
        void block(RelationFile relation, int fork, int block, Lsn first, boolean wholePage);
    }

    private static final long MIX = 0x9E37_79B9_7F4A_7C15L;
    private static final int FIELDS = 2;
    private static final long WHOLE_PAGE = 1;
    private static final int LEAST_SLOTS = 1 << 10;
    private static final int RECENT = 64;

    /** No relation's fork has it. */
    private static final long NONE = -1;

    /** As many blocks as a number has bits go together. */
    private static final int GROUP_BITS = 6;

    private static final int SLOTS_EACH = 2;

    /** By number: database and tablespace, relation and fork, each the upper and the lower half. */
    private long[] forks = new long[16 * FIELDS];

    private int forkCount;

    /** By the lowest bits of a relation's number: where in {@link #forks} that one is which was asked for last. */
    private final int[] recent = new int[RECENT];

    /** By hash: a fork's number and 1; 0 where none is. */
    private int[] forkSlots = new int[64];

    private long[] references = new long[16];
    private long[] imageBytes = new long[16];

    /** By hash, two by two: a fork's number and 1, then the place of 64 blocks of it, 0 where none is; and a bit for each of these, whether it is changed. */
    private long[] groups;

    private int groupCount;

    /** A fork's number, then the block's 32 bits, in the order of their first changes. */
    private long[] listed;

    /** Beside each of those: position, a multiple of 8, and in the lowest bit whether the whole page is written. */
    private long[] firsts;

    private int count;

    /** @param likely how many there will be, more or less */
    ChangedBlocks(int likely) {
        forks[1] = NONE;
        int room = Math.max(LEAST_SLOTS, likely + likely / 4);
        // Neighbours go together, some of them.
        groups = new long[Math.max(LEAST_SLOTS, Integer.highestOneBit(Math.max(1, likely / 4))) * FIELDS];
        listed = new long[room];
        firsts = new long[room];
    }

    /** The number of a fork, now if it had none. */
    int fork(int tablespace, int database, int relation, int fork) {
        return fork(pair(database, tablespace), relation, fork);
    }

    /** As {@link #fork(int, int, int, int)}. */
    int fork(long databaseAndTablespace, int relation, int fork) {
        long what = pair(relation, fork);
        int likely = recent[relation & RECENT - 1];
        if (forks[likely + 1] == what && forks[likely] == databaseAndTablespace) {
            return likely / FIELDS;
        }
        int number = find(databaseAndTablespace, what);
        recent[relation & RECENT - 1] = number * FIELDS;
        return number;
    }

    private int find(long where, long what) {
        int slot = forkSlot(forkSlots, where, what);
        for (int number = forkSlots[slot]; number != 0; number = forkSlots[slot]) {
            int at = (number - 1) * FIELDS;
            if (forks[at + 1] == what && forks[at] == where) {
                return number - 1;
            }
            slot = slot + 1 & forkSlots.length - 1;
        }
        forkSlots[slot] = forkCount + 1;
        return addFork(where, what);
    }

    private static long pair(int upper, int lower) {
        return (long) upper << 32 | Integer.toUnsignedLong(lower);
    }

    private static int forkSlot(int[] slots, long where, long what) {
        return (int) ((where * MIX ^ what) * MIX >>> 32) & slots.length - 1;
    }

    private int addFork(long where, long what) {
        if (forkCount == references.length) {
            forks = Arrays.copyOf(forks, 2 * forks.length);
            references = Arrays.copyOf(references, 2 * forkCount);
            imageBytes = Arrays.copyOf(imageBytes, 2 * forkCount);
        }
        int at = forkCount * FIELDS;
        forks[at] = where;
        forks[at + 1] = what;
        forkCount++;
        if (2 * forkCount > forkSlots.length) {
            growForkSlots();
        }
        return forkCount - 1;
    }

    private void growForkSlots() {
        int[] grown = new int[2 * forkSlots.length];
        for (int number = 0; number < forkCount; number++) {
            int at = number * FIELDS;
            int slot = forkSlot(grown, forks[at], forks[at + 1]);
            while (grown[slot] != 0) {
                slot = slot + 1 & grown.length - 1;
            }
            grown[slot] = number + 1;
        }
        forkSlots = grown;
    }

    /** Counts a reference to a fork, with its image. */
    void count(int fork, int image) {
        references[fork]++;
        if (image != 0) {
            imageBytes[fork] += image;
        }
    }

    /** Counts references to a fork, with their images. */
    void count(int fork, long more, long images) {
        references[fork] += more;
        imageBytes[fork] += images;
    }

    /** A change of a block. What was added before came before it in the log. */
    void add(int fork, int block, long at, boolean wholePage) {
        int group = group((long) (fork + 1) << 32 | block >>> GROUP_BITS);
        long bit = 1L << block;
        if ((groups[group + 1] & bit) != 0) {
            return;
        }
        groups[group + 1] |= bit;
        if (count == listed.length) {
            listed = Arrays.copyOf(listed, 2 * count);
            firsts = Arrays.copyOf(firsts, 2 * count);
        }
        listed[count] = (long) fork << 32 | Integer.toUnsignedLong(block);
        firsts[count] = at | (wholePage ? WHOLE_PAGE : 0);
        count++;
    }

    /** Where the group of blocks is, now if it was nowhere. */
    private int group(long key) {
        int at = placeOf(groups, key);
        if (groups[at] == 0) {
            groupCount++;
            if (groupCount * FIELDS * SLOTS_EACH > groups.length) {
                growGroups();
                at = placeOf(groups, key);
            }
            groups[at] = key;
        }
        return at;
    }

    /** Where a key is, or would be. */
    private static int placeOf(long[] groups, long key) {
        int mask = groups.length - FIELDS;
        int at = (int) (key * MIX >>> 32) & mask;
        while (groups[at] != key && groups[at] != 0) {
            at = at + FIELDS & mask;
        }
        return at;
    }

    private void growGroups() {
        long[] grown = new long[2 * groups.length];
        for (int i = 0; i < groups.length; i += FIELDS) {
            if (groups[i] != 0) {
                int at = placeOf(grown, groups[i]);
                grown[at] = groups[i];
                grown[at + 1] = groups[i + 1];
            }
        }
        groups = grown;
    }

    /** How many blocks are changed. */
    public int size() {
        return count;
    }

    int forkCount() {
        return forkCount;
    }

    RelationFile relationOf(int fork) {
        int at = fork * FIELDS;
        return new RelationFile((int) forks[at], (int) (forks[at] >>> 32), (int) (forks[at + 1] >>> 32));
    }

    int kindOf(int fork) {
        return (int) forks[fork * FIELDS + 1];
    }

    long referencesOf(int fork) {
        return references[fork];
    }

    long imageBytesOf(int fork) {
        return imageBytes[fork];
    }

    /** The fork of the block number {@code i} in the order of the log. */
    int forkOf(int i) {
        return (int) (listed[i] >>> 32);
    }

    int blockOf(int i) {
        return (int) listed[i];
    }

    long positionOf(int i) {
        return firsts[i] & ~WHOLE_PAGE;
    }

    boolean isWholePage(int i) {
        return (firsts[i] & WHOLE_PAGE) != 0;
    }

    /** Adds those of main forks. */
    void addTo(FirstChanges firstChanges) {
        for (int i = 0; i < count; i++) {
            int at = forkOf(i) * FIELDS;
            if ((int) forks[at + 1] == BlockReference.MAIN_FORK) {
                firstChanges.add((int) forks[at], (int) (forks[at] >>> 32), (int) (forks[at + 1] >>> 32), blockOf(i), positionOf(i), isWholePage(i));
            }
        }
    }

    /** Shows all blocks, fork by fork, each fork's in the order of the log. */
    public void visit(Visitor visitor) {
        int[] next = new int[forkCount + 1];
        for (int i = 0; i < count; i++) {
            next[forkOf(i) + 1]++;
        }
        for (int fork = 0; fork < forkCount; fork++) {
            next[fork + 1] += next[fork];
        }
        int[] byFork = new int[count];
        for (int i = 0; i < count; i++) {
            byFork[next[forkOf(i)]++] = i;
        }
        int fork = -1;
        RelationFile relation = new RelationFile(0, 0, 0);
        for (int i : byFork) {
            if (forkOf(i) != fork) {
                fork = forkOf(i);
                relation = relationOf(fork);
            }
            visitor.block(relation, kindOf(fork), blockOf(i), new Lsn(positionOf(i)), isWholePage(i));
        }
    }
}
