package io.walrelay.cache.verify;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.util.Optional;

/**
 * A file that a listing has shown.
 *
 * @param path below the data directory, or the object's key
 * @param lineage the history up to the file's timeline
 * @param beside whether it was put beside other bytes of that name
 */
public record StoredFile(Tier tier, String path, TimelineHistory lineage, WalFileName name, boolean beside) {

    /** The segment that it has bytes of. */
    Optional<SegmentId> segment() {
        return switch (name) {
            case WalFileName.Segment(var id) -> Optional.of(id);
            case WalFileName.Partial(var id) -> Optional.of(id);
            case WalFileName.History _, WalFileName.Backup _ -> Optional.empty();
        };
    }

    boolean isWhole() {
        return name instanceof WalFileName.Segment;
    }

    /** What of the log is missing where this is missing. */
    Optional<Span> span(SegmentSize size) {
        return segment().map(id -> {
            Lsn start = id.start(size);
            return new Span(lineage, start, id.end(size));
        });
    }

    @Override
    public String toString() {
        return path + " " + tier;
    }
}
