package io.walrelay.protocol.command;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.util.List;
import java.util.Optional;

/**
 * A command of a replication session (repl_gram.y of PostgreSQL 13 to 18). Slot names stand as the client wrote them, in
 * lower case unless quoted; {@link SlotName} has the rules that a new one must keep.
 */
public sealed interface ReplicationCommand {

    record IdentifySystem() implements ReplicationCommand {}

    /** {@code name} in lower case unless it was quoted; it may be qualified with a dot. */
    record Show(String name) implements ReplicationCommand {}

    record ReadTimelineHistory(TimelineId timeline) implements ReplicationCommand {}

    record StartPhysical(Optional<String> slot, Lsn start, Optional<TimelineId> timeline) implements ReplicationCommand {}

    record CreatePhysicalSlot(String name, boolean temporary, boolean reserveWal) implements ReplicationCommand {}

    record DropSlot(String name, boolean waitUntilFree) implements ReplicationCommand {}

    /** PostgreSQL 17 and later. {@code options} are failover and two_phase, each true or false. */
    record AlterSlot(String name, List<Option> options) implements ReplicationCommand {
        public AlterSlot {
            options = List.copyOf(options);
        }
    }

    /** PostgreSQL 15 and later. */
    record ReadSlot(String name) implements ReplicationCommand {}

    /**
     * What only a full server can do. {@code keyword} is one of BASE_BACKUP, UPLOAD_MANIFEST, START_REPLICATION LOGICAL and
     * CREATE_REPLICATION_SLOT LOGICAL; {@code text} is the whole command, unchecked past that.
     */
    record ServerOnly(String keyword, String text) implements ReplicationCommand {}

    /** Not a replication command: plain SQL, which a walsender for physical replication refuses. */
    record Sql(String text) implements ReplicationCommand {}

    /** {@code name value}; the value is empty for a bare option. */
    record Option(String name, Optional<String> value) {}
}
