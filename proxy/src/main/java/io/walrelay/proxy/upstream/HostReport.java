package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;

/** What one host said when it was asked for its place in the world, or that it said nothing. */
public sealed interface HostReport {

    HostAddress host();

    /**
     * A host that answered.
     *
     * @param history the lineage of its current timeline
     * @param flushed what it can send: IDENTIFY_SYSTEM's xlogpos
     */
    record Reachable(
            HostAddress host, SystemId system, SegmentSize segmentSize, TimelineHistory history, Lsn flushed, boolean inRecovery)
            implements HostReport {}

    /** A host that did not answer, why, and what it was when it last did. */
    record Unreachable(HostAddress host, String reason, LastSeen lastSeen) implements HostReport {}

    /** What a host was when it last answered. */
    enum LastSeen {
        NEVER,
        PRIMARY,
        STANDBY
    }
}
