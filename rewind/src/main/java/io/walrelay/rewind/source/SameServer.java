package io.walrelay.rewind.source;

import java.io.Closeable;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens connections that all lead to the server that the first one led to. Behind an address there may be several, or another after a failover,
 * and what is copied from two servers is neither. Thread-safe.
 */
final class SameServer implements SourceSession.Opener, Closeable {

    private static final Logger log = LoggerFactory.getLogger(SameServer.class);

    /** All may call these functions. */
    private static final String IDENTITY =
            "SELECT system_identifier, extract(epoch FROM pg_postmaster_start_time())::text, pg_is_in_recovery() FROM pg_control_system()";

    /** Which server it is, and which life of it. */
    private record Identity(long system, String startTime, boolean inRecovery) {
        @Override
        public String toString() {
            return "%s of system %s, started at %s".formatted(inRecovery ? "a standby" : "a primary", Long.toUnsignedString(system), startTime);
        }
    }

    private final SourceSession.Opener opener;
    private @Nullable Identity first;

    /** One that was open before. */
    private @Nullable Connection unused;

    SameServer(Connection open, SourceSession.Opener opener) {
        this.unused = open;
        this.opener = opener;
    }

    private synchronized @Nullable Connection takeUnused() {
        Connection connection = unused;
        unused = null;
        return connection;
    }

    @Override
    public Connection open() throws SQLException {
        Connection before = takeUnused();
        if (before != null) {
            try {
                return required(before);
            } catch (SQLException e) {
                // It may have been open for long, with nothing to do: what counts is whether there is a server now.
                log.debug("the first connection is of no use any more", e);
            }
        }
        return required(opener.open());
    }

    /** The same, unless it leads elsewhere; closed then. */
    private Connection required(Connection connection) throws SQLException {
        try {
            require(identity(connection));
            return connection;
        } catch (SQLException | RuntimeException e) {
            try {
                connection.close();
            } catch (SQLException alsoFailed) {
                e.addSuppressed(alsoFailed);
            }
            throw e;
        }
    }

    private synchronized void require(Identity identity) throws SQLException {
        if (first == null) {
            first = identity;
        } else if (!identity.equals(first)) {
            throw new SQLException(
                    ("a new connection to the source leads to another server than before, or it was restarted or promoted: to %s; expected %s;"
                                    + " name one server, no pool and no shared address, and run this again")
                            .formatted(identity, first),
                    "XX000");
        }
    }

    private static Identity identity(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(IDENTITY)) {
            row.next();
            return new Identity(row.getLong(1), row.getString(2), row.getBoolean(3));
        }
    }

    /** Closes the one that was open before, if nobody has asked for it. */
    @Override
    public void close() {
        try {
            Connection connection = takeUnused();
            if (connection != null) {
                connection.close();
            }
        } catch (SQLException e) {
            log.debug("closing a session on the source", e);
        }
    }
}
