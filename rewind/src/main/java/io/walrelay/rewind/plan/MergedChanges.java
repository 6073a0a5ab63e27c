package io.walrelay.rewind.plan;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.FirstChanges;
import io.walrelay.wal.format.RelationFile;
import java.util.List;

/**
 * What all records of a stretch of WAL change together, as somebody says who has read them.
 *
 * @param blocks of main forks, as {@link FirstChanges} has them: of a block that is there twice, the first counts
 * @param files what no block reference says
 * @param end the records are those that end there or before
 */
public record MergedChanges(List<Blocks> blocks, List<File> files, Lsn end) {

    public MergedChanges {
        blocks = List.copyOf(blocks);
        files = List.copyOf(files);
    }

    /**
     * Blocks that follow one another.
     *
     * @param first unsigned
     * @param wholePage whether it does not matter to a replay what was in them
     */
    public record Blocks(RelationFile relation, int first, long count, boolean wholePage) {}

    /** @param at where the record starts */
    public record File(Lsn at, FileChange change) {}
}
