package io.walrelay.proxy.acknowledge;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.Optional;

/**
 * Whether a standby may become the primary: with all that upstream was told is safe, or commits that were confirmed would be lost. A pure function.
 *
 * @param reached how much of the lineage that the relay follows the standby has flushed; {@link Lsn#INVALID} when that is not known, or none
 */
public record Promotion(Lsn acknowledged, Lsn reached, boolean onLineage) {

    /**
     * What is known of the standby.
     *
     * @param timeline that it streamed from the relay; empty for the one that the relay follows
     */
    public record Seen(Optional<TimelineId> timeline, Lsn flushed) {}

    public static Promotion of(TimelineHistory followed, Lsn acknowledged, Seen standby) {
        TimelineId timeline = standby.timeline().orElse(followed.timeline());
        boolean onLineage = followed.contains(timeline);
        Lsn shared = followed.switchPointOf(timeline).map(fork -> Lsn.min(fork, standby.flushed())).orElse(standby.flushed());
        return new Promotion(acknowledged, onLineage ? shared : Lsn.INVALID, onLineage);
    }

    public boolean promotable() {
        return reached.isValid() && reached.isAtLeast(acknowledged);
    }

    /** WAL that it has yet to flush, in bytes; empty when nobody knows what it has. */
    public Optional<Long> missingBytes() {
        return reached.isValid() ? Optional.of(Math.max(acknowledged.minus(reached), 0)) : Optional.empty();
    }
}
