package io.walrelay.proxy.containers;

import io.walrelay.proxy.scenario.Ledger;
import io.walrelay.wal.Lsn;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Properties;
import java.util.function.Function;

/** A PostgreSQL server: the primary, or a standby that has cloned itself through the relay. */
final class PostgresNode extends Node {

    static final int PORT = 5432;

    /** What a question waits for its answer; a server that is paused has none. */
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final String password;

    PostgresNode(String name, String password, Function<String, NodeContainer> make) {
        super(name, PORT, make);
        this.password = password;
    }

    /** A session of the superuser, in which a statement may take {@code patience}. */
    Connection connect(Duration patience) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", "postgres");
        properties.setProperty("password", password);
        properties.setProperty("sslmode", "disable");
        properties.setProperty("connectTimeout", Long.toString(PATIENCE.toSeconds()));
        properties.setProperty("socketTimeout", Long.toString(patience.toSeconds()));
        return DriverManager.getConnection("jdbc:postgresql://%s/postgres".formatted(address()), properties);
    }

    /** The first column of the first row, as text; an error when there is none. */
    String query(String sql) throws SQLException {
        try (Connection connection = connect(PATIENCE);
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            if (!rows.next()) {
                throw new SQLException("%s has no row for: %s".formatted(name(), sql));
            }
            return String.valueOf(rows.getString(1));
        }
    }

    void execute(String... statements) throws SQLException {
        try (Connection connection = connect(PATIENCE);
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        }
    }

    void awaitAnswer(String sql, String answer, Duration limit) {
        await("%s to be %s".formatted(sql, answer), limit, () -> query(sql), answer::equals);
    }

    /** Waits until it has row {@code id} of the ledger. */
    void awaitRow(long id, Duration limit) {
        await("row %d of the ledger".formatted(id), limit, () -> Long.parseLong(query(Ledger.HIGHEST)), seen -> seen >= id);
    }

    /** Waits until it has replayed up to {@code position}. */
    void awaitReplay(Lsn position, Duration limit) {
        await("replay up to " + position, limit, () -> Lsn.parse(query("SELECT pg_last_wal_replay_lsn()")), seen -> seen.isAtLeast(position));
    }
}
