package io.walrelay.proxy.state;

import io.walrelay.cache.Orphan;
import io.walrelay.cache.WalCache;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A timeline that the relay has WAL of, or came from: a branch of the tree that promotions made.
 *
 * @param lineage its identity; what was orphaned past the end of an ancestor has the ancestor's
 * @param parent the lineage that it left; empty for a root
 * @param from where it left its parent; {@link Lsn#INVALID} for a root
 * @param to where it was left, or else where the relay's WAL of it ends
 * @param reason why it was begun, as its history says; free text that came from a server
 */
public record TimelineBranch(
        String lineage, Optional<String> parent, TimelineId timeline, Lsn from, Lsn to, State state, Optional<String> reason) {

    public enum State {
        /** The way that led to the current one. */
        ANCESTOR,
        CURRENT,
        ORPHAN,
        /** Commits may be lost: it had been acknowledged. */
        ORPHAN_ACKNOWLEDGED;

        /** For people. */
        @Override
        public String toString() {
            return switch (this) {
                case ANCESTOR -> "ancestor";
                case CURRENT -> "current";
                case ORPHAN -> "orphan";
                case ORPHAN_ACKNOWLEDGED -> "orphan, acknowledged";
            };
        }
    }

    /** The relay's lineage from its root on, then what lies past forks. */
    public static List<TimelineBranch> of(WalCache cache) {
        List<TimelineBranch> branches = new ArrayList<>();
        TimelineHistory own = cache.end().lineage();
        for (TimelineHistory.Ancestor ancestor : own.ancestors()) {
            branches.add(onTheWay(own.upTo(ancestor.timeline()), ancestor.switchPoint(), State.ANCESTOR));
        }
        branches.add(onTheWay(own, cache.end().written(), State.CURRENT));
        List<Orphan> orphans = cache.orphans();
        for (Orphan orphan : orphans) {
            branches.add(pastFork(orphan, own, orphans));
        }
        return branches;
    }

    private static TimelineBranch onTheWay(TimelineHistory lineage, Lsn to, State state) {
        Optional<TimelineHistory.Ancestor> left = lineage.ancestors().isEmpty() ? Optional.empty() : Optional.of(lineage.ancestors().getLast());
        return new TimelineBranch(
                lineage.id(),
                left.map(parent -> lineage.upTo(parent.timeline()).id()),
                lineage.timeline(),
                lineage.begin(),
                to,
                state,
                left.map(TimelineHistory.Ancestor::reason).filter(reason -> !reason.isBlank()));
    }

    private static TimelineBranch pastFork(Orphan orphan, TimelineHistory own, List<Orphan> orphans) {
        TimelineHistory lineage = orphan.lineage();
        Lsn shared = orphan.fork().isValid() ? orphan.fork().plus(-1) : Lsn.INVALID;
        TimelineHistory trunk = lineage.upTo(lineage.timelineAt(shared));
        // What it forked from may have been orphaned itself since.
        Optional<TimelineHistory> parent = Stream.concat(Stream.of(own), orphans.stream().filter(other -> !other.equals(orphan)).map(Orphan::lineage))
                .filter(other -> other.contains(trunk.timeline()) && other.reaches(trunk, orphan.fork()))
                .findFirst();
        return new TimelineBranch(
                lineage.id(),
                parent.map(other -> other.upTo(trunk.timeline()).id()),
                lineage.timeline(),
                orphan.fork(),
                orphan.end(),
                orphan.acknowledged() ? State.ORPHAN_ACKNOWLEDGED : State.ORPHAN,
                Optional.empty());
    }
}
