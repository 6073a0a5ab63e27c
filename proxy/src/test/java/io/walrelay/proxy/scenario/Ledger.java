package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.wal.Lsn;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Load that remembers what a server confirmed: rows numbered from 1, one commit each. A server that has lost a confirmed
 * commit has a lower {@code max(id)} than {@link #confirmed}, one that has a hole in its WAL has a gap.
 */
public final class Ledger implements AutoCloseable {

    /** Number of rows, highest row and a hash over all of them: equal on servers with equal data. */
    public static final String FINGERPRINT = "SELECT count(*) || ' rows up to ' || max(id) || ', ' || md5(string_agg(id || noise, ',' ORDER BY id)) FROM ledger";

    /** The highest row. */
    public static final String HIGHEST = "SELECT coalesce(max(id), 0) FROM ledger";

    private static final String TABLE = "CREATE TABLE IF NOT EXISTS ledger (id bigint PRIMARY KEY, noise text NOT NULL)";

    /** A server, on this machine or in a container. */
    @FunctionalInterface
    public interface Server {
        Connection connect() throws SQLException;
    }

    private final AtomicLong confirmed;
    private final Thread thread;
    private volatile boolean stopping;
    private volatile @Nullable SQLException ended;

    private Ledger(Server server, long from, int payload) {
        this.confirmed = new AtomicLong(from);
        this.thread = Thread.ofPlatform().name("ledger").daemon().start(() -> write(server, payload));
    }

    /** Begins to write to {@code server}; goes on after the rows that are there. {@code payload} bytes of noise per row. */
    static Ledger on(LocalPostgres server, int payload) {
        return on(server::connect, payload);
    }

    /** As {@link #on(LocalPostgres, int)}. */
    public static Ledger on(Server server, int payload) {
        try (Connection connection = server.connect();
                Statement statement = connection.createStatement()) {
            statement.execute(TABLE);
            try (ResultSet row = statement.executeQuery(HIGHEST)) {
                row.next();
                return new Ledger(server, row.getLong(1), payload);
            }
        } catch (SQLException e) {
            throw new IllegalStateException("could not begin the ledger", e);
        }
    }

    private void write(Server server, int payload) {
        String sql = "INSERT INTO ledger SELECT ?, string_agg(md5(random()::text), '') FROM generate_series(1, ?)";
        try (Connection connection = server.connect();
                PreparedStatement insert = connection.prepareStatement(sql)) {
            while (!stopping) {
                long id = confirmed.get() + 1;
                insert.setLong(1, id);
                insert.setInt(2, Math.max(1, payload / 32));
                insert.executeUpdate();
                confirmed.set(id);
            }
        } catch (SQLException e) {
            // A scenario that kills the server ends its load with it; one that does not asks.
            ended = e;
        }
    }

    /** The highest row that the server said is committed. */
    public long confirmed() {
        return confirmed.get();
    }

    public boolean isRunning() {
        return thread.isAlive();
    }

    /** Stops after the commit under way and fails if the server had ended the load before. */
    public long stop() {
        end();
        SQLException e = ended;
        if (e != null) {
            throw new AssertionError("the server ended the load after row %d".formatted(confirmed.get()), e);
        }
        return confirmed.get();
    }

    /** Stops, also when the server has ended the load before, and returns the highest row that it had confirmed. */
    public long end() {
        stopping = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return confirmed.get();
    }

    @Override
    public void close() {
        end();
    }

    static String fingerprint(LocalPostgres server) {
        return server.query(FINGERPRINT);
    }

    /** Waits until {@code server} has row {@code id}. */
    static void awaitRow(long id, LocalPostgres server, Duration limit) {
        Await.until("row %d of the ledger on %s".formatted(id, server.name()), limit, () -> rows(server), seen -> seen >= id);
    }

    /** The highest row on {@code server}. */
    static long rows(LocalPostgres server) {
        return Long.parseLong(server.query(HIGHEST));
    }

    /** Waits until {@code standbys} have replayed all that {@code source} has committed, and compares. */
    static void assertEqualOn(LocalPostgres source, Duration limit, LocalPostgres... standbys) {
        Lsn end = source.flushedLsn();
        String expected = fingerprint(source);
        for (LocalPostgres standby : standbys) {
            standby.awaitReplay(end, limit);
            assertEquals(expected, fingerprint(standby), standby.name());
        }
    }
}
