package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.BlockReference;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.WalEnd;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import io.walrelay.wal.format.WalSource;
import java.io.IOException;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * The blocks that need not be fetched: the first thing that the replay does to them is to write the whole page, from an image that it applies
 * or anew (PostgreSQL: xlogutils.c, XLogReadBufferForRedoExtended, which then neither reads the block nor compares its position). What was in
 * them before is seen by nobody, since the server lets nobody in before it has replayed all of this.
 *
 * <p>What reads blocks without referring to them: a database that is copied as files reads every block of the other as it is then, and what
 * an unknown record does nobody knows. What was not written before that is not left out.
 *
 * @param blocks of main forks only: other forks are changed without references
 * @param from where the replay starts
 * @param end how far the log was read: the server must replay at least so far before it is consistent
 */
public record WholePages(BlockMap blocks, Lsn from, Lsn end) {

    /** A database's files in one tablespace. */
    private record Place(int tablespace, int database) {}

    /**
     * Reads the source's log from {@code from} on as far as it is held.
     *
     * @throws RefusedException when it is not the log, which the rewound server would find as well
     */
    public static WholePages read(WalSource source, WalIdentity identity, Lsn from, int blocksPerFile) throws IOException, RefusedException {
        Reading reading = new Reading(blocksPerFile);
        WalReader reader = WalReader.open(source, identity, from);
        while (reader.next()) {
            reading.take(reader);
        }
        if (reader.end().orElseThrow() instanceof WalEnd.Flaw flaw && !isEndOfWriting(flaw)) {
            throw new RefusedException("the WAL that the rewound server would replay is not right: %s".formatted(flaw.message()));
        }
        return new WholePages(reading.whole, from, reader.lastRecordEnd().isValid() ? reader.lastRecordEnd() : from);
    }

    /** Zeros follow what a server has written so far; whoever holds it may hold them, too. */
    private static boolean isEndOfWriting(WalEnd.Flaw flaw) {
        return flaw instanceof WalEnd.ZeroLength;
    }

    /** Where the reading stands. */
    private static final class Reading {

        private final WalRecord record = new WalRecord();
        private final BlockMap seen;
        private final BlockMap whole;
        private final Set<Place> copied = new HashSet<>();
        private boolean unknown;

        Reading(int blocksPerFile) {
            this.seen = new BlockMap(blocksPerFile);
            this.whole = new BlockMap(blocksPerFile);
        }

        void take(WalReader reader) throws RefusedException {
            try {
                reader.take(record);
                if (RecordBodies.mayKnow(record.resourceManager(), record.info())) {
                    note(RecordBodies.of(record));
                }
            } catch (MalformedRecordException e) {
                throw new RefusedException("the WAL that the rewound server would replay can't be understood: %s".formatted(e.getMessage()));
            }
            for (int i = 0; i < record.blockCount(); i++) {
                if (record.forkOf(i) == BlockReference.MAIN_FORK) {
                    note(i);
                }
            }
        }

        private void note(Optional<? extends RecordBody> body) {
            switch (body.orElse(null)) {
                case FileChange.DatabaseCopied(_, _, var tablespace, var database) -> copied.add(new Place(tablespace, database));
                case FileChange.Unknown _ -> unknown = true;
                case null, default -> {}
            }
        }

        private void note(int i) {
            int tablespace = record.tablespaceOf(i);
            int database = record.databaseOf(i);
            boolean first = seen.add(tablespace, database, record.relationOf(i), record.blockOf(i));
            if (first && (record.willInit(i) || record.imageIsApplied(i)) && !unknown && !copied.contains(new Place(tablespace, database))) {
                var _ = whole.add(tablespace, database, record.relationOf(i), record.blockOf(i));
            }
        }
    }
}
