package io.walrelay.cache.archive;

import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;

/**
 * What an object is called: a file of PostgreSQL's, and the lineage that it belongs to, which is the history up to the file's timeline. A
 * timeline number that was taken twice is two lineages.
 */
public record ArchivedName(TimelineHistory lineage, WalFileName file, SegmentSize size) {

    /** All that begins with the same 16 digits lies in one directory: with segments of 16 MB, 4 GB of WAL. */
    private static final int DIGITS = 16;

    public ArchivedName {
        if (!lineage.timeline().equals(file.timeline())) {
            throw new IllegalArgumentException("%s is not of timeline %s".formatted(file.fileName(size), lineage.timeline()));
        }
    }

    public String fileName() {
        return file.fileName(size);
    }

    /** Below the cluster's own directory. Two names are the same file's when this is the same: the reasons in a history are free text. */
    public String key() {
        String name = fileName();
        String directory = lineage.directoryName();
        return switch (file) {
            case WalFileName.History _ -> directory + "/" + name;
            case WalFileName.Segment _, WalFileName.Partial _, WalFileName.Backup _ -> directory + "/" + name.substring(0, DIGITS) + "/" + name;
        };
    }

    @Override
    public String toString() {
        return "%s of lineage %s".formatted(fileName(), lineage.id());
    }
}
