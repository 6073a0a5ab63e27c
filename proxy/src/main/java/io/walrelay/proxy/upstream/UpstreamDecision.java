package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** The answer of {@link UpstreamChoice}. It holds until there is a new snapshot; printed, it is what an operator reads. */
public sealed interface UpstreamDecision {

    /**
     * Stream from this host.
     *
     * @param lineage where the host is; the stream goes along it
     * @param from where own WAL and the host's part or own WAL ends; empty in a new data folder, where the configured
     *     start decides
     * @param orphan what of our own WAL is not on {@code lineage}
     * @param notes what an operator should know of the other hosts, each with its host's name
     */
    record Follow(HostAddress host, TimelineHistory lineage, Optional<Lsn> from, Optional<Orphan> orphan, List<String> notes)
            implements UpstreamDecision {
        public Follow {
            notes = List.copyOf(notes);
        }

        /** The timeline to name in START_REPLICATION; at a switch point that is the one that begins there. */
        public TimelineId startTimeline() {
            return from.map(lineage::timelineAt).orElse(lineage.timeline());
        }

        @Override
        public String toString() {
            return "follow %s on timeline %s".formatted(host, lineage.id())
                    + from.map(" from %s"::formatted).orElse("")
                    + orphan.map(o -> ", " + o).orElse("")
                    + notes.stream().map(n -> "; " + n).collect(Collectors.joining());
        }
    }

    /**
     * Own WAL past {@code fork} is on no lineage that goes on.
     *
     * @param acknowledgedInside whether whole records that were acknowledged upstream are in it: a loss, never quiet
     */
    record Orphan(Lsn fork, boolean acknowledgedInside) {
        @Override
        public String toString() {
            return "own WAL past %s becomes an orphan%s".formatted(fork, acknowledgedInside ? ", acknowledged WAL with it" : "");
        }
    }

    /**
     * Follow nobody until an operator has spoken.
     *
     * @param reason in full, for the log and the event
     * @param readiness one short line
     * @param command what to paste once the operator knows that it is right
     */
    record Stop(String reason, String readiness, String command) implements UpstreamDecision {
        @Override
        public String toString() {
            return "stop: %s; to go on: %s".formatted(reason, command);
        }
    }

    /** Nobody can be followed yet. Time may mend it: ask the hosts again. */
    record Wait(List<HostReason> reasons) implements UpstreamDecision {
        public Wait {
            reasons = List.copyOf(reasons);
        }

        @Override
        public String toString() {
            return "wait: " + reasons.stream().map(HostReason::toString).collect(Collectors.joining("; "));
        }
    }

    /** Why {@code host}, as its address or as the operator named it, is not followed. */
    record HostReason(String host, String reason) {
        @Override
        public String toString() {
            return host + ": " + reason;
        }
    }
}
