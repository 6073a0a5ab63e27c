package io.walrelay.cache.slot;

import io.walrelay.protocol.command.CommandError;
import io.walrelay.protocol.command.SlotName;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.Optional;
import java.util.Set;

/** Which slots of another server can be taken over? A pure function of a snapshot. */
public sealed interface SlotImport {

    String name();

    /** A slot as the other server has it. */
    record Wanted(String name, Lsn restartLsn) {}

    /**
     * Where the other server is.
     *
     * @param timeline that the positions are on
     * @param begin where the timeline begins there; empty when that is not said
     * @param reached how far the server has come on it; empty when that is not said
     */
    record Server(TimelineId timeline, Optional<Lsn> begin, Optional<Lsn> reached) {

        /** One of which only the timeline's number is said. */
        public static Server on(TimelineId timeline) {
            return new Server(timeline, Optional.empty(), Optional.empty());
        }
    }

    /** The slot can be made, and keeps WAL from {@code from} on. */
    record Taken(String name, Lsn from) implements SlotImport {}

    /** There is one of that name, which stays as it is. */
    record Kept(String name) implements SlotImport {}

    record Refused(String name, String reason) implements SlotImport {}

    /**
     * @param lineage the relay's own
     * @param existing names of the relay's slots
     */
    static SlotImport decide(Wanted wanted, Server server, TimelineHistory lineage, Reach reach, Set<String> existing) {
        try {
            var _ = new SlotName(wanted.name);
        } catch (CommandError e) {
            return new Refused(wanted.name, e.diagnostic().message());
        }
        if (existing.contains(wanted.name)) {
            return new Kept(wanted.name);
        }
        if (!wanted.restartLsn.isValid()) {
            return new Refused(wanted.name, "it reserves no WAL on the other server");
        }
        Optional<String> elsewhere = elsewhere(wanted, server, lineage);
        if (elsewhere.isPresent()) {
            return new Refused(wanted.name, elsewhere.get());
        }
        // What the relay has yet to receive it will have.
        Lsn from = Lsn.min(wanted.restartLsn, reach.end());
        if (reach.isOnDisk(from) || reach.isArchived(from)) {
            return new Taken(wanted.name, from);
        }
        return new Refused(
                wanted.name,
                reach.archiveUnknown()
                        ? "the relay's disk has WAL from %s on, and what its archive has of that before, from %s, is not known yet; try again".formatted(reach.oldest(), from)
                        : "it needs WAL from %s on, and the relay has it from %s on; let its standby catch up on the other server, or give the relay the older WAL (archive.import)"
                                .formatted(from, reach.oldestOfAll()));
    }

    /** Why the relay's WAL is not that which the other server has written and goes on with. */
    private static Optional<String> elsewhere(Wanted wanted, Server server, TimelineHistory lineage) {
        TimelineId timeline = server.timeline;
        if (!lineage.contains(timeline)) {
            return Optional.of("it is on timeline %s, the relay on %s; try again when the relay has followed".formatted(timeline, lineage.timeline()));
        }
        Lsn begin = lineage.upTo(timeline).begin();
        if (server.begin.filter(there -> !there.equals(begin)).isPresent()) {
            return Optional.of("timeline %s begins at %s there, and at %s on the relay: two servers took the number"
                    .formatted(timeline, server.begin.get(), begin));
        }
        Lsn reached = Lsn.max(wanted.restartLsn, server.reached.orElse(wanted.restartLsn));
        return lineage.switchPointOf(timeline)
                .filter(reached::isAfter)
                .map(left -> "%s on timeline %s is past %s, where the relay's history left that timeline for %s; if that is the wrong one: walrelay follow"
                        .formatted(reached, timeline, left, lineage.timeline()));
    }
}
