package io.walrelay.wal.format;

import io.walrelay.wal.Lsn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which blocks of main forks a stretch of the log changes, and of which of them it does not matter to a replay of that stretch what was in them
 * before: those of which the first change writes the whole page, from an image that is applied or anew (PostgreSQL: xlogutils.c,
 * XLogReadBufferForRedoExtended, which then neither reads the block nor compares its position).
 *
 * <p>What reads blocks without referring to them: a database that is copied as files reads every block of the other as it is then, and what an
 * unknown record does nobody knows. A block that was not written as a whole before that matters.
 *
 * <p>Of main forks only: other forks are changed without references. Changes of one block are added in the order of the log, and what a record does
 * to files before whatever it, or a later one, does to blocks. Blocks are kept as bits, 64 to a slot of a table of open addressing.
 *
 * <p>Confined to one thread.
 */
public final class FirstChanges {

    /** Is shown blocks by relation and number. */
    @FunctionalInterface
    public interface Visitor {

        /**
         * Blocks that follow one another.
         *
         * @param first unsigned
         * @param wholePage whether it does not matter what was in them
         */
        void blocks(RelationFile relation, int first, long count, boolean wholePage);
    }

    /** A database's files in one tablespace. */
    private record Place(int tablespace, int database) {}

    private static final int GROUP_BITS = 6;
    private static final long MIX = 0x9E37_79B9_7F4A_7C15L;
    private static final int LEAST_SLOTS = 1 << 10;

    /** By number. */
    private final List<RelationFile> relations = new ArrayList<>();

    private final Map<RelationFile, Integer> numbers = new HashMap<>();

    /* Most records change the same relation as the one before. */
    private RelationFile last = new RelationFile(0, 0, 0);
    private long lastKey;

    /** By hash: a relation's number and 1, then a block's number without its lowest bits; 0 where none is. */
    private long[] keys = new long[LEAST_SLOTS];

    /** Beside each key: a bit for each block that is changed. */
    private long[] changed = new long[LEAST_SLOTS];

    /** And for each of those that is written as a whole. */
    private long[] whole = new long[LEAST_SLOTS];

    private int groups;
    private int blocks;

    /** From where on blocks were read that nobody referred to: all of a database's. */
    private final Map<Place, Lsn> copied = new HashMap<>();

    private Lsn unknown = Lsn.LAST;
    private boolean anyRead;

    /** What a record that starts at {@code at} does to files. */
    public void add(FileChange change, Lsn at) {
        switch (change) {
            case FileChange.DatabaseCopied(_, _, var tablespace, var database) -> {
                copied.merge(new Place(tablespace, database), at, Lsn::min);
                anyRead = true;
            }
            case FileChange.Unknown _ -> {
                unknown = Lsn.min(unknown, at);
                anyRead = true;
            }
            // These read no block.
            case FileChange.DatabaseCreated _, FileChange.DatabaseDropped _, FileChange.TablespaceCreated _, FileChange.TablespaceDropped _,
                    FileChange.RelationCreated _, FileChange.RelationTruncated _, FileChange.RelationMapUpdated _ -> {}
        }
    }

    /**
     * A change of a block of a main fork.
     *
     * @param block unsigned
     * @param at where the record starts
     * @param writesWholePage as {@link BlockReference#writesWholePage}
     */
    public void add(int tablespace, int database, int relation, int block, long at, boolean writesWholePage) {
        if (lastKey == 0 || last.relation() != relation || last.database() != database || last.tablespace() != tablespace) {
            last = new RelationFile(tablespace, database, relation);
            lastKey = (long) (number(last) + 1) << Integer.SIZE;
        }
        int slot = slot(lastKey | block >>> GROUP_BITS);
        long bit = 1L << block;
        if ((changed[slot] & bit) == 0) {
            changed[slot] |= bit;
            blocks++;
            if (writesWholePage && !(anyRead && isRead(at))) {
                whole[slot] |= bit;
            }
        }
    }

    private int number(RelationFile relation) {
        Integer known = numbers.putIfAbsent(relation, relations.size());
        if (known != null) {
            return known;
        }
        relations.add(relation);
        return relations.size() - 1;
    }

    /** Whether something may have read the block of the {@link #last} relation before it was written at {@code at}. */
    private boolean isRead(long at) {
        Lsn from = Lsn.min(unknown, copied.getOrDefault(new Place(last.tablespace(), last.database()), Lsn.LAST));
        return new Lsn(at).isAtLeast(from);
    }

    /** The slot of a key, now if it had none. */
    private int slot(long key) {
        int slot = slotOf(keys, key);
        if (keys[slot] == 0) {
            if (2 * groups >= keys.length) {
                grow();
                slot = slotOf(keys, key);
            }
            keys[slot] = key;
            groups++;
        }
        return slot;
    }

    private static int slotOf(long[] keys, long key) {
        int slot = (int) (key * MIX >>> 32) & keys.length - 1;
        while (keys[slot] != 0 && keys[slot] != key) {
            slot = slot + 1 & keys.length - 1;
        }
        return slot;
    }

    private void grow() {
        long[] grown = new long[2 * keys.length];
        long[] grownChanged = new long[grown.length];
        long[] grownWhole = new long[grown.length];
        for (int i = 0; i < keys.length; i++) {
            if (keys[i] != 0) {
                int slot = slotOf(grown, keys[i]);
                grown[slot] = keys[i];
                grownChanged[slot] = changed[i];
                grownWhole[slot] = whole[i];
            }
        }
        keys = grown;
        changed = grownChanged;
        whole = grownWhole;
    }

    /** How many groups of up to 64 blocks that lie beside one another are held in memory, with some 50 bytes each. */
    public int groups() {
        return groups;
    }

    /** How many blocks these are: as many runs may be shown. */
    public int blocks() {
        return blocks;
    }

    /**
     * Shows all blocks, and forgets them; that blocks were read is remembered. More can be added then: a block that is shown again was changed before,
     * so the first time counts.
     */
    public void drain(Visitor visitor) {
        long[] sorted = Arrays.stream(keys).filter(key -> key != 0).sorted().toArray();
        Runs runs = new Runs(visitor);
        for (long key : sorted) {
            int slot = slotOf(keys, key);
            runs.add((int) (key >>> Integer.SIZE) - 1, Integer.toUnsignedLong((int) key << GROUP_BITS), changed[slot], whole[slot]);
        }
        runs.end();
        keys = new long[LEAST_SLOTS];
        changed = new long[LEAST_SLOTS];
        whole = new long[LEAST_SLOTS];
        groups = 0;
        blocks = 0;
        relations.clear();
        numbers.clear();
        lastKey = 0;
    }

    /** Joins what follows one another. */
    private final class Runs {
        private final Visitor visitor;
        private int relation = -1;
        private long first;
        private long next;
        private boolean wholePages;

        Runs(Visitor visitor) {
            this.visitor = visitor;
        }

        void add(int of, long begin, long bits, long wholeBits) {
            for (long left = bits; left != 0; left &= left - 1) {
                int bit = Long.numberOfTrailingZeros(left);
                boolean writes = (wholeBits >>> bit & 1) != 0;
                if (of != relation || begin + bit != next || writes != wholePages) {
                    end();
                    relation = of;
                    first = begin + bit;
                    wholePages = writes;
                }
                next = begin + bit + 1;
            }
        }

        void end() {
            if (relation >= 0) {
                visitor.blocks(relations.get(relation), (int) first, next - first, wholePages);
                relation = -1;
            }
        }
    }
}
