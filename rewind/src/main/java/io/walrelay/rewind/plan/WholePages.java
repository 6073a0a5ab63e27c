package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.BlockReference;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.FirstChanges;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.WalEnd;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import io.walrelay.wal.format.WalSource;
import java.io.IOException;

/**
 * The blocks that need not be fetched, because the first thing that the replay does to them is to write the whole page ({@link FirstChanges}). What was in
 * them before is seen by nobody, since the server lets nobody in before it has replayed all of this.
 *
 * @param blocks of main forks only: other forks are changed without references
 * @param from where the replay starts
 * @param end how far the log was read: the server must replay at least so far before it is consistent
 */
public record WholePages(BlockMap blocks, Lsn from, Lsn end) {

    /**
     * What another has read of the source's log.
     *
     * @param changes of which later ones of a block count for nothing
     * @throws IllegalArgumentException when they end before {@code from}
     */
    public static WholePages of(MergedChanges changes, Lsn from, int blocksPerFile) {
        if (changes.end().isBefore(from)) {
            throw new IllegalArgumentException("changes from %s on that end at %s; expected a later end".formatted(from, changes.end()));
        }
        BlockMap seen = new BlockMap(blocksPerFile);
        BlockMap whole = new BlockMap(blocksPerFile);
        for (MergedChanges.Blocks run : changes.blocks()) {
            if (run.wholePage()) {
                seen.add(run.relation(), run.first(), run.count(), whole);
            } else {
                seen.add(run.relation(), run.first(), run.count());
            }
        }
        return new WholePages(whole, from, changes.end());
    }

    /**
     * Reads the source's log from {@code from} on as far as it is held.
     *
     * @throws RefusedException when it is not the log, which the rewound server would find as well
     */
    public static WholePages read(WalSource source, WalIdentity identity, Lsn from, int blocksPerFile) throws IOException, RefusedException {
        FirstChanges firsts = new FirstChanges();
        WalRecord record = new WalRecord();
        WalReader reader = WalReader.open(source, identity, from);
        while (reader.next()) {
            note(reader, record, firsts);
        }
        if (reader.end().orElseThrow() instanceof WalEnd.Flaw flaw && !isEndOfWriting(flaw)) {
            throw new RefusedException("the WAL that the rewound server would replay is not right: %s".formatted(flaw.message()));
        }
        BlockMap whole = new BlockMap(blocksPerFile);
        firsts.drain((relation, first, count, wholePage) -> {
            if (wholePage) {
                whole.add(relation, first, count);
            }
        });
        return new WholePages(whole, from, Lsn.max(from, reader.lastRecordEnd()));
    }

    /** Zeros follow what a server has written so far; whoever holds it may hold them, too. */
    private static boolean isEndOfWriting(WalEnd.Flaw flaw) {
        return flaw instanceof WalEnd.ZeroLength;
    }

    private static void note(WalReader reader, WalRecord record, FirstChanges firsts) throws RefusedException {
        try {
            reader.take(record);
            if (RecordBodies.mayChangeFiles(record.resourceManager(), record.info()) && RecordBodies.of(record).orElse(null) instanceof FileChange change) {
                firsts.add(change, record.start());
            }
        } catch (MalformedRecordException e) {
            throw new RefusedException("the WAL that the rewound server would replay can't be understood: %s".formatted(e.getMessage()));
        }
        long at = record.start().value();
        for (int i = 0; i < record.blockCount(); i++) {
            if (record.forkOf(i) == BlockReference.MAIN_FORK) {
                firsts.add(record.tablespaceOf(i), record.databaseOf(i), record.relationOf(i), record.blockOf(i), at, record.writesWholePage(i));
            }
        }
    }
}
