package io.walrelay.cache;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * What a data directory says of its WAL to whoever looks into it beside the relay.
 *
 * @param lineage the relay's own history
 * @param gaps WAL that the relay never got, from the oldest; the first ends where the relay began
 * @param settled whether no change of timeline is under way: while one is, files may be missing from their places
 */
public record KnownWal(SystemId system, SegmentSize segmentSize, TimelineHistory lineage, List<Gap> gaps, List<Orphan> orphans, boolean settled) {

    public KnownWal {
        gaps = List.copyOf(gaps);
        orphans = List.copyOf(orphans);
    }

    /** Empty when no relay has received anything into the directory. */
    public static Optional<KnownWal> read(DurableFiles files) throws IOException {
        return CacheState.load(files).map(state -> new KnownWal(
                state.system(), state.segmentSize(), state.lineage(), state.gaps(), state.orphans(), state.change() == CacheState.Change.COMPLETE));
    }

    /** The directory of an orphan's files, below the data directory. */
    public static String directoryOf(Orphan orphan) {
        return SegmentFiles.orphanDirectory(orphan.lineage());
    }

    /** The directory of the relay's own files, below the data directory. */
    public static String directory() {
        return SegmentFiles.WAL;
    }

    /** The directory that orphans' directories lie in, below the data directory. */
    public static String orphansDirectory() {
        return SegmentFiles.ORPHANS;
    }

    /** Whether a name is of the change index of a segment: beside it, and no WAL. */
    public static boolean isIndex(String name, SegmentSize size) {
        return IndexFiles.segmentOf(name, size).isPresent();
    }

    /** Whether a name in {@link #directory} is of a file that is not WAL yet: made beforehand, or half written. */
    public static boolean isInTheMaking(String name) {
        return SegmentFiles.isUnfinished(name) || TimelineSwitch.isPrepared(name) || DurableFiles.isTemporary(name);
    }
}
