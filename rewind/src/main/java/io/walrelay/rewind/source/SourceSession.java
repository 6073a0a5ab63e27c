package io.walrelay.rewind.source;

import java.io.Closeable;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A session on the source that can't write, without limits of time. A connection that is lost, or that can't be had for a moment, is opened
 * again, and the question asked again: asking changes nothing. The source has been reached before, so that it is away means no wrong address.
 * Thread-safe: one question is asked at a time.
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

    private static final String QUERY_CANCELED = "57014";
    private static final String TOO_MANY_CONNECTIONS = "53300";

    /** How long a source may be away, as when a crash of one of its processes has it end all connections. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private static final long SHORTEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(2);

    private static final String SETTINGS = String.join(
            "; ",
            "SET statement_timeout = 0",
            "SET lock_timeout = 0",
            "SET idle_in_transaction_session_timeout = 0",
            "SET default_transaction_read_only = on",
            // A planner that takes each directory for a thousand names has the list of files compiled, which takes a hundred times as long as to run it.
            "SET jit = off",
            "SELECT pg_catalog.set_config('search_path', '', false)");

    private final Opener opener;
    private final LongSupplier nanoTime;
    private volatile @Nullable Connection connection;
    private volatile boolean ended;
    private final ReentrantLock asking = new ReentrantLock();

    /** Guarded by {@code asking}. */
    private boolean hadConnection;

    SourceSession(Opener opener) {
        this(opener, System::nanoTime);
    }

    SourceSession(Opener opener, LongSupplier nanoTime) {
        this.opener = opener;
        this.nanoTime = nanoTime;
    }

    /** @throws IOException with the server's words, when the question is at fault, or the source stays away */
    <T> T ask(Question<T> question) throws IOException {
        asking.lock();
        try {
            return askUntilAnswered(question);
        } finally {
            asking.unlock();
        }
    }

    private <T> T askUntilAnswered(Question<T> question) throws IOException {
        OptionalLong firstFailure = OptionalLong.empty();
        long pause = SHORTEST_PAUSE_NANOS;
        while (true) {
            try {
                return question.ask(opened());
            } catch (SQLException e) {
                if (!mayPass(e)) {
                    throw new IOException(refusal(e), e);
                }
                close();
                // An answer may take its time, so what counts is how long there has been none to be had.
                long now = nanoTime.getAsLong();
                if (firstFailure.isPresent()) {
                    log.debug("the source is still away: {}", e.getMessage());
                } else {
                    firstFailure = OptionalLong.of(now);
                    log.info("a connection to the source is asked for anew, for up to {} s: {}", PATIENCE.toSeconds(), e.getMessage());
                }
                boolean patient = now - firstFailure.getAsLong() <= PATIENCE.toNanos();
                if (patient && !isOver()) {
                    LockSupport.parkNanos(pause);
                    pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
                }
                if (!patient || isOver()) {
                    throw new IOException("the source server can't be reached: %s".formatted(reason(e)), e);
                }
            }
        }
    }

    private String refusal(SQLException e) {
        if (TOO_MANY_CONNECTIONS.equals(e.getSQLState())) {
            return "%s; a smaller --jobs takes fewer".formatted(e.getMessage());
        }
        return (connection == null ? "%s" : "error running query on source server: %s").formatted(e.getMessage());
    }

    private boolean isOver() {
        return ended || Thread.currentThread().isInterrupted();
    }

    /** The driver's words for what goes wrong below it are "The connection attempt failed." */
    private static String reason(SQLException e) {
        Throwable cause = e.getCause();
        return cause == null || cause.getMessage() == null ? String.valueOf(e.getMessage()) : "%s (%s)".formatted(e.getMessage(), cause.getMessage());
    }

    private Connection opened() throws SQLException {
        Connection open = connection;
        if (open == null) {
            open = opener.open();
            connection = open;
            if (ended) {
                close();
                throw new SQLException("the session was ended", QUERY_CANCELED);
            }
            try (Statement statement = open.createStatement()) {
                statement.execute(SETTINGS);
            }
            hadConnection = true;
        }
        return open;
    }

    /**
     * Connection exceptions (class 08), a server that goes down or comes up (57P), what a hot standby cancels because of its recovery (40). And
     * that no connection is left, for who has lost one: a server takes it for alive until it notices.
     */
    private boolean mayPass(SQLException e) {
        String state = e.getSQLState();
        return state == null || state.startsWith("08") || state.startsWith("57P") || state.startsWith("40") || hadConnection && state.equals(TOO_MANY_CONNECTIONS);
    }

    /** For good, on any thread: whoever is asking gets no answer any more. */
    void end() {
        ended = true;
        Connection open = connection;
        if (open != null) {
            try {
                open.abort(Runnable::run);
            } catch (SQLException e) {
                log.debug("ending a session on the source", e);
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
                log.debug("closing a session on the source", e);
            }
        }
    }
}
