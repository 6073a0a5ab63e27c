package io.walrelay.proxy.upstream;

import io.walrelay.proxy.state.FollowOrder;
import io.walrelay.proxy.conninfo.TargetSessionAttrs;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All that the choice of an upstream depends on. The own position is read <em>before</em> the hosts are asked: a host that
 * streams to us moves on in between, and would otherwise look as if it were behind us.
 *
 * @param own empty in a new data folder
 * @param order what the operator said last
 * @param hint what Patroni says, or whoever else is asked
 * @param reports of the hosts of the connection string in its order, of those that {@code order} and {@code hint} name
 *     besides, and of {@code inUse}
 * @param diverged hosts whose bytes turned out to be others than ours, which their reports do not show
 */
public record UpstreamSnapshot(
        Optional<Own> own,
        Optional<FollowOrder> order,
        Hint hint,
        HostInUse inUse,
        List<HostReport> reports,
        Map<HostAddress, Stop> diverged,
        TargetSessionAttrs attrs,
        OnDivergence onDivergence) {

    public UpstreamSnapshot {
        reports = List.copyOf(reports);
        diverged = Map.copyOf(diverged);
    }

    /** Key {@code upstream.on-divergence}. */
    public enum OnDivergence {
        STOP,
        FOLLOW
    }

    /**
     * What the relay holds.
     *
     * @param written where its WAL ends; standbys may have been sent all of it
     * @param acknowledged where the last record that was acknowledged <em>whole</em> ends. Not the acknowledged position
     *     itself: a server sends what it has flushed, which may end inside a record, and a promotion cuts that record off.
     *     Nobody was told that it is safe, so its loss is no divergence.
     */
    public record Own(SystemId system, SegmentSize segmentSize, TimelineHistory lineage, Lsn written, Lsn acknowledged) {
        public Own {
            if (acknowledged.isAfter(written)) {
                throw new IllegalArgumentException("acknowledged %s is past the end of the written WAL at %s".formatted(acknowledged, written));
            }
        }
    }
}
