package io.walrelay.rewind.source;

import java.io.Closeable;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A session on the source that can't write, without limits of time. A connection that is lost is opened again, and the question asked again:
 * asking changes nothing. Confined to one thread.
 */
public final class SourceSession implements Closeable {

    private static final Logger log = LoggerFactory.getLogger(SourceSession.class);

    /** Opens a connection. Thread-safe. */
    @FunctionalInterface
    public interface Opener {
        Connection open() throws SQLException;
    }

    /** What is asked. */
    @FunctionalInterface
    interface Question<T> {
        T ask(Connection open) throws SQLException;
    }

    /** There is no such file. */
    static final String UNDEFINED_FILE = "58P01";

    /** How long a source may be away, as when it is restarted. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private static final List<String> SETTINGS = List.of(
            "SET statement_timeout = 0",
            "SET lock_timeout = 0",
            "SET idle_in_transaction_session_timeout = 0",
            "SET default_transaction_read_only = on",
            "SELECT pg_catalog.set_config('search_path', '', false)");

    private final Opener opener;
    private @Nullable Connection connection;

    /** Only a source that was there may be away. */
    private boolean wasThere;

    SourceSession(Opener opener) {
        this.opener = opener;
    }

    /** @throws IOException with the server's words, when the question is at fault, or the source stays away */
    <T> T ask(Question<T> question) throws IOException {
        long began = System.nanoTime();
        while (true) {
            try {
                return question.ask(opened());
            } catch (SQLException e) {
                if (!isOfConnection(e)) {
                    throw new IOException("error running query on source server: %s".formatted(e.getMessage()), e);
                }
                close();
                if (!wasThere || System.nanoTime() - began > PATIENCE.toNanos() || Thread.currentThread().isInterrupted()) {
                    throw new IOException("the source server can't be reached: %s".formatted(e.getMessage()), e);
                }
                log.info("the connection to the source is lost and will be opened again: {}", e.getMessage());
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }

    private Connection opened() throws SQLException {
        Connection open = connection;
        if (open == null) {
            open = opener.open();
            connection = open;
            try (Statement statement = open.createStatement()) {
                for (String setting : SETTINGS) {
                    statement.execute(setting);
                }
            }
            wasThere = true;
        }
        return open;
    }

    /** Connection exceptions (class 08), a server that goes down or comes up (57P). */
    private static boolean isOfConnection(SQLException e) {
        String state = e.getSQLState();
        return state == null || state.startsWith("08") || state.startsWith("57P");
    }

    @Override
    public void close() {
        Connection open = connection;
        connection = null;
        if (open != null) {
            try {
                open.close();
            } catch (SQLException e) {
                log.debug("closing a session on the source", e);
            }
        }
    }
}
