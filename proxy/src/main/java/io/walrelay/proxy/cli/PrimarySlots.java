package io.walrelay.proxy.cli;

import io.walrelay.proxy.http.ForeignSlot;
import io.walrelay.proxy.servers.SqlTarget;
import io.walrelay.wal.SystemId;
import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The physical slots of a cluster's primary, as SQL shows them.
 *
 * @param host {@code host:port}
 * @param timeline that the primary is on, and so the positions
 * @param slots without temporary ones
 */
record PrimarySlots(String host, SystemId system, long timeline, List<ForeignSlot> slots) {

    /** Slots of one request. */
    private static final int AT_A_TIME = 100;

    /** Functions that differ in and out of recovery are called in one of the two only. */
    private static final String PRIMARY =
            """
            SELECT system_identifier, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
              FROM pg_control_system()
            """;

    private static final String SLOTS =
            """
            SELECT slot_name, restart_lsn::text FROM pg_replication_slots
             WHERE slot_type = 'physical' AND NOT temporary AND slot_name <> ?
             ORDER BY slot_name
            """;

    PrimarySlots {
        slots = List.copyOf(slots);
    }

    /**
     * Asks all servers which of them is the primary, and that one for its slots.
     *
     * @param own the relay's own slot, which is none of a standby's
     * @throws IOException when not exactly one is a primary, or it can't be asked; with what each said
     */
    static PrimarySlots read(List<SqlTarget> targets, String own) throws IOException {
        List<PrimarySlots> primaries = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (SqlTarget target : targets) {
            try (Connection connection = DriverManager.getConnection(target.url(), target.properties())) {
                Optional<PrimarySlots> primary = ask(connection, target.host(), own);
                primary.ifPresentOrElse(primaries::add, () -> others.add(target.host() + " is in recovery"));
            } catch (SQLException e) {
                others.add("%s could not be asked: %s".formatted(target.host(), String.valueOf(e.getMessage()).replaceAll("\\s+", " ")));
            }
        }
        if (primaries.size() > 1) {
            throw new IOException("more than one primary: %s; expected one, name it with --upstream"
                    .formatted(primaries.stream().map(PrimarySlots::host).collect(Collectors.joining(", "))));
        }
        if (primaries.isEmpty()) {
            throw new IOException("no primary to read slots from: %s".formatted(String.join("; ", others)));
        }
        return primaries.getFirst();
    }

    private static Optional<PrimarySlots> ask(Connection connection, String host, String own) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            try (ResultSet recovery = statement.executeQuery("SELECT pg_is_in_recovery()")) {
                recovery.next();
                if (recovery.getBoolean(1)) {
                    return Optional.empty();
                }
            }
            try (ResultSet row = statement.executeQuery(PRIMARY)) {
                row.next();
                return Optional.of(new PrimarySlots(host, new SystemId(row.getLong(1)), Integer.toUnsignedLong(row.getInt(2)), slots(connection, own)));
            }
        }
    }

    private static List<ForeignSlot> slots(Connection connection, String own) throws SQLException {
        List<ForeignSlot> slots = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(SLOTS)) {
            statement.setString(1, own);
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    slots.add(new ForeignSlot(row.getString(1), row.getString(2)));
                }
            }
        }
        return slots;
    }

    /**
     * Those of these names; all when there are none.
     *
     * @throws IOException when one is not there
     */
    PrimarySlots only(List<String> names) throws IOException {
        if (names.isEmpty()) {
            return this;
        }
        List<ForeignSlot> chosen = new ArrayList<>();
        for (String name : names) {
            chosen.add(slots.stream()
                    .filter(slot -> name.equals(slot.name()))
                    .findFirst()
                    .orElseThrow(() -> new IOException("no physical slot \"%s\" of a standby on %s; there are: %s"
                            .formatted(name, host, slots.stream().map(slot -> String.valueOf(slot.name())).collect(Collectors.joining(", "))))));
        }
        return new PrimarySlots(host, system, timeline, chosen);
    }

    /** What the relay is asked to take them over with: a few requests when there are many slots, since it reads no large bodies. */
    List<Map<String, Object>> requests() {
        List<Map<String, Object>> requests = new ArrayList<>();
        for (int first = 0; first < slots.size(); first += AT_A_TIME) {
            Map<String, Object> request = new LinkedHashMap<>();
            request.put("system_id", system.toString());
            request.put("timeline", timeline);
            request.put("slots", slots.subList(first, Math.min(slots.size(), first + AT_A_TIME)));
            requests.add(request);
        }
        return requests;
    }
}
