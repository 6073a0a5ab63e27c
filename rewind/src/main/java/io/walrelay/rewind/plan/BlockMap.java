package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.RelationPath;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.RelationFile;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which blocks of which main forks changed, by the relation's files, and which files were made anew. Filled by one thread. */
public final class BlockMap {

    private final int blocksPerFile;
    private final Map<RelationPath, BitSet> blocks = new HashMap<>();
    private final NewFiles newFiles = new NewFiles();

    /* Most changes are of the same file as the one before. */
    private @Nullable RelationPath lastPath;
    private BitSet lastBlocks = new BitSet();

    public BlockMap(int blocksPerFile) {
        this.blocksPerFile = blocksPerFile;
    }

    /**
     * Adds one.
     *
     * @param block number in the fork, unsigned
     * @return whether it was not there
     */
    boolean add(int tablespace, int database, int relation, int block) {
        int segment = Integer.divideUnsigned(block, blocksPerFile);
        if (!isLast(tablespace, database, relation, segment)) {
            turnTo(new RelationPath(new RelationFile(tablespace, database, relation), segment));
        }
        int inFile = Integer.remainderUnsigned(block, blocksPerFile);
        boolean isNew = !lastBlocks.get(inFile);
        lastBlocks.set(inFile);
        return isNew;
    }

    private boolean isLast(int tablespace, int database, int relation, int segment) {
        RelationPath last = lastPath;
        return last != null
                && last.segment() == segment
                && last.relation().relation() == relation
                && last.relation().database() == database
                && last.relation().tablespace() == tablespace;
    }

    private boolean isLast(RelationFile relation, int segment) {
        return isLast(relation.tablespace(), relation.database(), relation.relation(), segment);
    }

    private void turnTo(RelationPath path) {
        lastPath = path;
        lastBlocks = blocks.computeIfAbsent(path, _ -> new BitSet());
    }

    /** Adds {@code count} blocks from {@code first}, unsigned, on. */
    void add(RelationFile relation, int first, long count) {
        addNew(relation, first, count, (_, _, _, _) -> {});
    }

    /** Adds {@code count} blocks from {@code first}, unsigned, on, and those of them that were not there to {@code others}, too. */
    void add(RelationFile relation, int first, long count, BlockMap others) {
        addNew(relation, first, count, others::addRange);
    }

    private void addNew(RelationFile relation, int first, long count, Ranges news) {
        long next = Integer.toUnsignedLong(first);
        long end = next + count;
        while (next < end) {
            int segment = (int) (next / blocksPerFile);
            if (!isLast(relation, segment)) {
                turnTo(new RelationPath(relation, segment));
            }
            int from = (int) (next % blocksPerFile);
            int to = (int) Math.min(blocksPerFile, from + (end - next));
            BitSet there = lastBlocks;
            for (int at = there.nextClearBit(from); at < to; at = there.nextClearBit(at)) {
                int taken = there.nextSetBit(at);
                int until = taken < 0 ? to : Math.min(taken, to);
                there.set(at, until);
                news.add(relation, segment, at, until - 1);
            }
            next += to - from;
        }
    }

    @FunctionalInterface
    private interface Ranges {
        void add(RelationFile relation, int segment, int first, int last);
    }

    /** Adds some of one file, counted from its beginning. */
    void addRange(RelationPath path, int first, int last) {
        addRange(path.relation(), path.segment(), first, last);
    }

    private void addRange(RelationFile relation, int segment, int first, int last) {
        if (!isLast(relation, segment)) {
            turnTo(new RelationPath(relation, segment));
        }
        lastBlocks.set(first, last + 1);
    }

    /** Adds files that such a change makes anew. */
    void add(FileChange change) {
        newFiles.note(change);
    }

    /** Whether all of a file is new. */
    boolean isNew(RelationPath path) {
        return firstNew(path) == 0;
    }

    /** The first new block of a file, counted from its beginning; where it could have no more when none is. */
    private int firstNew(RelationPath path) {
        long begin = (long) path.segment() * blocksPerFile;
        return Math.clamp(newFiles.from(path).orElse(Long.MAX_VALUE) - begin, 0, blocksPerFile);
    }

    /** Those of the first {@code count} blocks of a file that changed or are new, counted from its beginning. */
    BitSet of(RelationPath path, int count) {
        BitSet found = of(path);
        found.clear(count, Math.max(count, found.length()));
        int first = firstNew(path);
        if (first < count) {
            found.set(first, count);
        }
        return found;
    }

    /** The blocks of a file that records name, counted from its beginning; empty when there are none. */
    BitSet of(RelationPath path) {
        BitSet found = blocks.get(path);
        return found == null ? new BitSet() : (BitSet) found.clone();
    }

    /** How many records name. */
    public long size() {
        return blocks.values().stream().mapToLong(BitSet::cardinality).sum();
    }
}
