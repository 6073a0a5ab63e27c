package io.walrelay.rewind;

import io.walrelay.rewind.datadir.ClusterState;
import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.wal.Lsn;
import java.util.Optional;

/**
 * Why a source should make a checkpoint after a rewind: whoever follows it, or is rewound to it, begins to replay at its last one. After a promotion
 * PostgreSQL makes one in its own time, spread over minutes.
 */
final class SourceCheckpoint {

    /** Bytes of WAL that take some time to replay. */
    static final long MUCH = 256 << 20;

    private SourceCheckpoint() {}

    /**
     * @param source as it was before anything was copied
     * @param end how far the rewound server has to replay
     * @return the reason, a clause; empty when its last one will do, or when it makes none: a standby's are its primary's
     */
    static Optional<String> wanted(ControlFile source, Lsn end) {
        if (source.state() != ClusterState.IN_PRODUCTION) {
            return Optional.empty();
        }
        if (!source.checkpointTimeline().equals(source.timeline())) {
            return Optional.of("it has made none since it was promoted to timeline %s".formatted(source.timeline()));
        }
        long since = end.isAfter(source.redo()) ? end.minus(source.redo()) : 0;
        return since > MUCH ? Optional.of("its last one is %d MB of WAL ago".formatted(since >> 20)) : Optional.empty();
    }
}
