package io.walrelay.proxy.auth;

import io.walrelay.protocol.message.Secret;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.util.Optional;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks by SQL, over one connection that is kept. Confined to the thread of its {@link CachedUsers}.
 *
 * <p>The query has one parameter, the name, and gives at most one row of name, password, replication, can login and valid
 * until, in this order.
 */
public final class JdbcAuthQuery implements AuthQuery {

    public static final String DEFAULT_QUERY = "SELECT * FROM public.walrelay_auth($1)";

    private static final Logger log = LoggerFactory.getLogger(JdbcAuthQuery.class);

    private final String url;
    private final Properties properties;
    private final String query;
    private @Nullable Connection connection;

    /**
     * @param url and {@code properties}: pgjdbc's, with timeouts
     * @param query with {@code $1} for the name
     */
    public JdbcAuthQuery(String url, Properties properties, String query) {
        this.url = url;
        this.properties = (Properties) properties.clone();
        this.query = query.replace("$1", "?");
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
    public Optional<UserEntry> ask(String user) throws IOException {
        boolean reused = connection != null;
        try {
            return select(user);
        } catch (SQLException e) {
            close();
            if (!reused) {
                throw new IOException(e.getMessage(), e);
            }
        }
        // A kept connection may have died of age: that says nothing about the server.
        try {
            return select(user);
        } catch (SQLException e) {
            close();
            throw new IOException(e.getMessage(), e);
        }
    }

    private Optional<UserEntry> select(String user) throws SQLException {
        Connection open = connection;
        if (open == null) {
            open = DriverManager.getConnection(url, properties);
            connection = open;
        }
        try (PreparedStatement statement = open.prepareStatement(query)) {
            statement.setString(1, user);
            try (ResultSet row = statement.executeQuery()) {
                if (!row.next()) {
                    return Optional.empty();
                }
                String name = row.getString(1);
                if (!user.equals(name)) {
                    throw new SQLException("the auth-query answered for role \"%s\"; expected \"%s\"".formatted(name, user));
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
        Connection open = connection;
        connection = null;
        if (open != null) {
            try {
                open.close();
            } catch (SQLException e) {
                log.debug("closing the connection for users", e);
            }
        }
    }
}
