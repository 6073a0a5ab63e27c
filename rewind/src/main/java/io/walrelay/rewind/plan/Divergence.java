package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.Optional;

/**
 * Where two servers' histories part (pg_rewind.c, findCommonAncestorTimeline).
 *
 * @param fork the first position that they do not share
 * @param timeline the last one that they share, on which the fork lies
 * @param common the history up to there
 */
public record Divergence(Lsn fork, TimelineId timeline, TimelineHistory common) {

    /**
     * Empty when neither left the other's path, as far as the histories tell.
     *
     * @throws RefusedException when they share nothing
     */
    public static Optional<Divergence> between(TimelineHistory target, TimelineHistory source) throws RefusedException {
        Optional<Lsn> fork = target.forkWith(source);
        if (fork.isEmpty()) {
            return Optional.empty();
        }
        if (!fork.get().isValid()) {
            throw new RefusedException("could not find common ancestor of the source and target cluster's timelines",
                    "The target's history is %s, the source's %s.".formatted(target.id(), source.id()));
        }
        return Optional.of(at(fork.get(), target));
    }

    /** Two servers that took the same number for a new timeline, at the same point: they part where it begins. */
    public static Divergence whereTheTimelineBegins(TimelineHistory history) {
        return at(history.begin(), history);
    }

    private static Divergence at(Lsn fork, TimelineHistory history) {
        TimelineId last = history.timelineAt(fork.plus(-1));
        return new Divergence(fork, last, history.upTo(last));
    }
}
