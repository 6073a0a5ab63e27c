package io.walrelay.proxy.cli;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What {@code walrelay check} saw, without an opinion on it. */
record CheckFacts(List<Server> servers, DataDirectory data) {

    CheckFacts {
        servers = List.copyOf(servers);
    }

    /** Something that was asked for: it is known, or there is a reason why not. */
    sealed interface Answer<T> {

        record Known<T>(T value) implements Answer<T> {}

        /** @param sqlState empty when there was none */
        record Unknown<T>(String reason, String sqlState) implements Answer<T> {}
    }

    /** One host of upstream.conninfo. */
    record Server(String host, Answer<Replication> replication, Answer<Sql> sql) {}

    /** Values of SHOW, by name: either connection has them. */
    record Shown(Map<String, String> values) {
        Shown {
            values = Map.copyOf(values);
        }

        String setting(String name) {
            return values.getOrDefault(name, "?");
        }
    }

    /** What the replication connection says. */
    record Replication(String systemId, int timeline, Shown shown) {}

    /**
     * What the SQL connection says.
     *
     * @param mayAdvanceSlots whether the role may execute pg_replication_slot_advance
     * @param walSenders in use, the one of this check included
     * @param slots in use
     * @param slot the relay's own, if it is there
     * @param skew how far the server's clock is ahead of this machine's
     */
    record Sql(
            String role,
            boolean canReplicate,
            boolean mayAdvanceSlots,
            boolean inRecovery,
            int walSenders,
            int slots,
            Optional<Slot> slot,
            Duration skew,
            Shown shown) {}

    /** {@code type} and {@code walStatus} in the words of pg_replication_slots. */
    record Slot(String type, boolean active, String walStatus) {}

    /**
     * The relay's own directory.
     *
     * @param path for messages
     * @param problem why a file could not be written and flushed to disk; empty when it could
     * @param used bytes that are there already
     * @param free bytes that this user may still write
     * @param systemId of the cluster whose WAL is there; empty when there is none, or it can't be read
     */
    record DataDirectory(String path, Optional<String> problem, long used, long free, Optional<String> systemId) {}
}
