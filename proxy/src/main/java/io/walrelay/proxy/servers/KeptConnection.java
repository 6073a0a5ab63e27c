package io.walrelay.proxy.servers;

import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A connection for SQL that is opened when it is needed, and again when it has died. Confined to one thread. */
public final class KeptConnection implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(KeptConnection.class);

    /** What is asked, of a connection that is open. */
    @FunctionalInterface
    public interface Question<T> {
        T ask(Connection open) throws SQLException;
    }

    private final String url;
    private final Properties properties;
    private @Nullable Connection connection;

    /** @param url and {@code properties}: pgjdbc's, with timeouts */
    public KeptConnection(String url, Properties properties) {
        this.url = url;
        this.properties = (Properties) properties.clone();
    }

    /**
     * Asks; once more where a connection that was kept has died.
     *
     * @throws IOException when the connection is at fault; its cause is pgjdbc's
     * @throws SQLException when the question is; the connection stays
     */
    public <T> T ask(Question<T> question) throws IOException, SQLException {
        Connection kept = connection;
        if (kept != null) {
            try {
                return question.ask(kept);
            } catch (SQLException e) {
                if (!isOfConnection(e, kept)) {
                    throw e;
                }
                // It may have died of age: that says nothing about the server.
                close();
            }
        }
        Connection open;
        try {
            open = DriverManager.getConnection(url, properties);
        } catch (SQLException e) {
            throw new IOException(e.getMessage(), e);
        }
        connection = open;
        try {
            return question.ask(open);
        } catch (SQLException e) {
            if (!isOfConnection(e, open)) {
                throw e;
            }
            close();
            throw new IOException(e.getMessage(), e);
        }
    }

    /** Connection exceptions (class 08, sockets too), a server that goes down (57P), and a FATAL of whatever code. */
    private static boolean isOfConnection(SQLException e, Connection on) throws SQLException {
        String state = e.getSQLState();
        return state == null || state.startsWith("08") || state.startsWith("57P") || on.isClosed();
    }

    @Override
    public void close() {
        Connection open = connection;
        connection = null;
        if (open != null) {
            try {
                open.close();
            } catch (SQLException e) {
                log.debug("closing a connection for SQL", e);
            }
        }
    }
}
