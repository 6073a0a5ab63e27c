package io.walrelay.proxy.auth;

import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.auth.AuthQuery.UnanswerableException;
import io.walrelay.proxy.servers.KeptConnection;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.util.Optional;
import java.util.Properties;
import java.util.regex.Pattern;

/**
 * Asks by SQL, over one connection that is kept. Confined to the thread of its {@link CachedUsers}.
 *
 * <p>The query has one parameter, the name, and gives at most one row of name, password, replication, can login and valid
 * until, in this order.
 */
public final class JdbcAuthQuery implements AuthServer {

    /** Where a query wants the name. */
    public static final String USER = "$1";

    public static final String DEFAULT_QUERY = "SELECT * FROM public.walrelay_auth(" + USER + ")";

    /** Functions that differ in and out of recovery are called in one of the two only. */
    private static final String STANDING =
            """
            SELECT system_identifier, pg_is_in_recovery(),
                   CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
                        ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END
              FROM pg_control_system()
            """;

    private static final String DATA_EXCEPTION = "22000";

    private final String host;
    private final String query;
    /** How often {@code query} wants the name. */
    private final int names;
    private final KeptConnection connection;

    /**
     * @param host {@code host:port}
     * @param url and {@code properties}: pgjdbc's, with timeouts
     * @param query with {@link #USER} for the name
     */
    public JdbcAuthQuery(String host, String url, Properties properties, String query) {
        this.host = host;
        this.connection = new KeptConnection(url, properties);
        this.query = query.replace(USER, "?");
        this.names = query.split(Pattern.quote(USER), -1).length - 1;
    }

    /** What makes the function that {@link #DEFAULT_QUERY} calls: for a superuser to run. */
    public static String setupSql() {
        try (InputStream in = JdbcAuthQuery.class.getResourceAsStream("walrelay_auth.sql")) {
            if (in == null) {
                throw new IllegalStateException("walrelay_auth.sql is missing from the program");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String host() {
        return host;
    }

    @Override
    public Optional<UserEntry> ask(String user) throws IOException, UnanswerableException {
        try {
            return connection.ask(open -> select(open, user));
        } catch (SQLException e) {
            throw new UnanswerableException(String.valueOf(e.getMessage()), e);
        }
    }

    @Override
    public Standing standing() throws IOException {
        try {
            return connection.ask(JdbcAuthQuery::standing);
        } catch (SQLException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private static Standing standing(Connection open) throws SQLException {
        try (Statement statement = open.createStatement();
                ResultSet row = statement.executeQuery(STANDING)) {
            row.next();
            return new Standing(new SystemId(row.getLong(1)), row.getBoolean(2), new TimelineId(row.getInt(3)));
        }
    }

    private Optional<UserEntry> select(Connection open, String user) throws SQLException {
        try (PreparedStatement statement = open.prepareStatement(query)) {
            for (int i = 1; i <= names; i++) {
                statement.setString(i, user);
            }
            try (ResultSet row = statement.executeQuery()) {
                if (!row.next()) {
                    return Optional.empty();
                }
                String name = row.getString(1);
                if (!user.equals(name)) {
                    throw new SQLException("the auth-query answered for role \"%s\"; expected \"%s\"".formatted(name, user), DATA_EXCEPTION);
                }
                return Optional.of(new UserEntry(
                        user,
                        Optional.ofNullable(row.getString(2)).map(Secret::utf8),
                        row.getBoolean(3),
                        row.getBoolean(4),
                        Optional.ofNullable(row.getTimestamp(5)).map(Timestamp::toInstant)));
            }
        }
    }

    @Override
    public void close() {
        connection.close();
    }
}
