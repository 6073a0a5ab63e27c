package io.walrelay.cache.archive;

import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What an object is called: a file of PostgreSQL's, and the lineage that it belongs to, which is the history up to the file's timeline. A
 * timeline number that was taken twice is two lineages.
 */
public record ArchivedName(TimelineHistory lineage, WalFileName file, SegmentSize size) {

    /** All that begins with the same 16 digits lies in one directory: with segments of 16 MB, 4 GB of WAL. */
    private static final int DIGITS = 16;

    private static final Pattern BESIDE = Pattern.compile("\\.conflict-[0-9A-F]{8}$");

    public ArchivedName {
        if (!lineage.timeline().equals(file.timeline())) {
            throw new IllegalArgumentException("%s is not of timeline %s".formatted(file.fileName(size), lineage.timeline()));
        }
    }

    /**
     * The file that an object of a lineage is, as {@link Archive#list} shows it; for what is kept beside a file, that file. Empty when it is none of ours.
     *
     * @param key with or without what lies before the last {@code /}
     */
    public static Optional<ArchivedName> parse(TimelineHistory lineage, String key, SegmentSize size) {
        String name = BESIDE.matcher(key.substring(key.lastIndexOf('/') + 1)).replaceFirst("");
        return WalFileName.parse(name, size).filter(file -> file.timeline().equals(lineage.timeline())).map(file -> new ArchivedName(lineage, file, size));
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
