package io.walrelay.rewind;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Consumer;

/** Which blocks of which relation files a stretch of WAL changes, known without reading the WAL again. Thread-safe. */
public interface ChangeIndex {

    /**
     * A block and its first change in the stretch that was asked for.
     *
     * @param tablespace OID (RelFileLocator.spcOid)
     * @param database OID, 0 for shared relations
     * @param relation file number (relNumber)
     * @param fork 0 main, 1 free space map, 2 visibility map, 3 init (relpath.h, ForkNumber)
     * @param block number in the fork, unsigned
     * @param first where its first change begins
     * @param wholePage whether that change applies a whole-page image or initialises the block
     */
    record ChangedBlock(int tablespace, int database, int relation, int fork, int block, Lsn first, boolean wholePage) {}

    /**
     * Reports each block that {@code lineage} changes in records that begin at {@code from} or later and before {@code to},
     * once, in no order.
     *
     * @return empty when all of the stretch is covered, else the first position that is not: nothing was reported then
     */
    Optional<Lsn> changes(TimelineHistory lineage, Lsn from, Lsn to, Consumer<ChangedBlock> report) throws IOException;
}
