package io.walrelay.proxy.cli;

import io.walrelay.proxy.servers.SqlTarget;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** The relay's own slot on the servers of upstream: it is looked for on all of them before it is dropped on any. */
final class OwnSlot {

    /** What a server has by the slot's name. */
    sealed interface Found {
        record Absent() implements Found {}

        record Idle() implements Found {}

        record Active(int pid) implements Found {}

        /** Somebody else's: the relay's is physical. */
        record Logical() implements Found {}

        record Unknown(String problem) implements Found {}
    }

    record Server(SqlTarget target, Found found) {}

    private OwnSlot() {}

    /**
     * Drops it wherever it is, unless a relay uses it or may do so.
     *
     * @param skipUnreachable whether to pass over servers that can't be asked, on which a relay may use it
     * @param told each line that somebody should read
     * @return whether it is on none of the servers any more
     */
    static boolean drop(String slot, List<SqlTarget> targets, boolean skipUnreachable, Consumer<String> told) {
        List<Server> servers = targets.stream().map(target -> new Server(target, look(target, slot))).toList();
        Optional<String> refusal = refusal(slot, servers, skipUnreachable);
        if (refusal.isPresent()) {
            told.accept(refusal.get());
            return false;
        }
        boolean gone = true;
        for (Server server : servers) {
            boolean drops = server.found instanceof Found.Idle;
            Found now = drops ? drop(server.target, slot) : server.found;
            told.accept("%s: %s".formatted(server.target.host(), said(now, drops)));
            gone &= now instanceof Found.Absent;
        }
        return gone;
    }

    /** Why nothing is dropped anywhere: a relay that runs would make it anew where it is not in use. */
    static Optional<String> refusal(String slot, List<Server> servers, boolean skipUnreachable) {
        Optional<String> active = servers.stream()
                .filter(server -> server.found instanceof Found.Active)
                .findFirst()
                .map(server -> "replication slot \"%s\" is active on %s: nothing was dropped; stop the relay first".formatted(slot, server.target.host()));
        return skipUnreachable ? active : active.or(() -> doubt(slot, servers));
    }

    private static Optional<String> doubt(String slot, List<Server> servers) {
        List<String> unknown = new ArrayList<>();
        for (Server server : servers) {
            if (server.found instanceof Found.Unknown(var problem)) {
                unknown.add("%s could not be asked (%s)".formatted(server.target.host(), problem));
            }
        }
        return unknown.isEmpty()
                ? Optional.empty()
                : Optional.of("replication slot \"%s\" may be in use, since %s: nothing was dropped; try again when it answers, or, if no relay uses the slot there, with --skip-unreachable"
                        .formatted(slot, String.join(", and ", unknown)));
    }

    private static String said(Found found, boolean wasToDrop) {
        return switch (found) {
            case Found.Absent() -> wasToDrop ? "dropped" : "has no such slot";
            case Found.Idle() -> "still has it";
            case Found.Active(var pid) -> "still has it, in use by PID %d".formatted(pid);
            case Found.Logical() -> "has a logical slot of that name, which is not the relay's";
            case Found.Unknown(var problem) -> (wasToDrop ? "could not drop it: " : "could not be asked: ") + problem;
        };
    }

    private static Found look(SqlTarget target, String slot) {
        try (Connection connection = DriverManager.getConnection(target.url(), target.properties())) {
            return look(connection, slot);
        } catch (SQLException e) {
            return unknown(e);
        }
    }

    private static Found look(Connection connection, String slot) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT slot_type, active_pid FROM pg_replication_slots WHERE slot_name = ?")) {
            statement.setString(1, slot);
            try (ResultSet row = statement.executeQuery()) {
                if (!row.next()) {
                    return new Found.Absent();
                }
                if (!"physical".equals(row.getString(1))) {
                    return new Found.Logical();
                }
                int pid = row.getInt(2);
                return row.wasNull() ? new Found.Idle() : new Found.Active(pid);
            }
        }
    }

    private static Found drop(SqlTarget target, String slot) {
        try (Connection connection = DriverManager.getConnection(target.url(), target.properties())) {
            try (PreparedStatement statement = connection.prepareStatement("SELECT pg_drop_replication_slot(?)")) {
                statement.setString(1, slot);
                statement.execute();
            }
            return look(connection, slot);
        } catch (SQLException e) {
            return unknown(e);
        }
    }

    private static Found unknown(SQLException e) {
        return new Found.Unknown(String.valueOf(e.getMessage()).replaceAll("\\s+", " "));
    }
}
