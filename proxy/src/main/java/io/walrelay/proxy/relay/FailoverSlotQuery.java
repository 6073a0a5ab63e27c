package io.walrelay.proxy.relay;

import io.walrelay.cache.slot.FailoverSlot;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.servers.KeptConnection;
import io.walrelay.proxy.servers.SqlTarget;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads the failover slots of one host by SQL, over a connection that is kept. Any role may. Confined to one thread; calls block. */
final class FailoverSlotQuery implements AutoCloseable {

    /** At least one row, which says whose answer it is. */
    private static final String QUERY =
            """
            SELECT c.system_identifier, s.slot_name, s.plugin, s.database, s.two_phase, s.restart_lsn, s.confirmed_flush_lsn,
                   s.catalog_xmin::text::bigint, s.invalidation_reason
              FROM pg_catalog.pg_control_system() c
              LEFT JOIN pg_catalog.pg_replication_slots s ON s.failover AND NOT s.temporary
             ORDER BY s.slot_name
            """;

    private final String host;
    private final KeptConnection connection;

    private FailoverSlotQuery(String host, KeptConnection connection) {
        this.host = host;
        this.connection = connection;
    }

    /**
     * @param host one of {@code conninfo}'s
     * @throws IOException when there is a password file that can't be read
     */
    static FailoverSlotQuery of(Conninfo conninfo, String host) throws IOException {
        SqlTarget target = SqlTarget.of(conninfo, "walrelay slots").stream()
                .filter(it -> it.host().equals(host))
                .findFirst()
                .orElseThrow(() -> new IOException("%s is not among the hosts of upstream.conninfo".formatted(host)));
        return new FailoverSlotQuery(host, new KeptConnection(target.url(), target.properties()));
    }

    String host() {
        return host;
    }

    /**
     * @param system that the host is to be of
     * @throws IOException with what is in the way
     */
    List<FailoverSlot> ask(SystemId system) throws IOException {
        try {
            return connection.ask(open -> read(open, system));
        } catch (SQLException | IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private static List<FailoverSlot> read(Connection open, SystemId system) throws SQLException {
        List<FailoverSlot> slots = new ArrayList<>();
        try (Statement statement = open.createStatement();
                ResultSet row = statement.executeQuery(QUERY)) {
            while (row.next()) {
                SystemId its = new SystemId(row.getLong(1));
                if (!its.equals(system)) {
                    throw new IllegalArgumentException("it is a server of system %s; expected %s".formatted(its, system));
                }
                String name = row.getString(2);
                if (name != null) {
                    slots.add(new FailoverSlot(
                            name, row.getString(3), row.getString(4), row.getBoolean(5), lsn(row.getString(6)), lsn(row.getString(7)), row.getLong(8), Optional.ofNullable(row.getString(9))));
                }
            }
        }
        return slots;
    }

    private static Lsn lsn(@Nullable String text) {
        return text == null ? Lsn.INVALID : Lsn.parse(text);
    }

    @Override
    public void close() {
        connection.close();
    }
}
