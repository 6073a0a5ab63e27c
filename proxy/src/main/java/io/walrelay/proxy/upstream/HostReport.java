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
            implements HostReport {

        /**
         * What is known of a host that streams to us while it does not answer otherwise: what it said last, and all that the stream has
         * brought since, which it must have had.
         */
        Reachable provedBy(UpstreamSnapshot.Own own) {
            boolean onOurLineage = history.contains(own.lineage().timeline()) && history.reaches(own.lineage(), own.written());
            return new Reachable(
                    host, system, segmentSize, onOurLineage ? history : own.lineage(), Lsn.max(flushed, own.written()), inRecovery);
        }
    }

    /** A host that did not answer, why, and what it was when it last did. */
    record Unreachable(HostAddress host, String reason, LastSeen lastSeen) implements HostReport {}

    /** What a host was when it last answered. */
    enum LastSeen {
        NEVER,
        PRIMARY,
        STANDBY
    }
}
