package io.walrelay.proxy.demo;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Steady small transactions on a primary, one after the other, until it is closed. */
final class Load implements AutoCloseable {

    private static final long PAUSE_NANOS = 2_000_000;

    private final LocalPostgres primary;
    private final AtomicLong committed = new AtomicLong();
    private final Thread thread;
    private volatile boolean stopping;
    private volatile @Nullable SQLException failure;

    private Load(LocalPostgres primary) {
        this.primary = primary;
        this.thread = Thread.ofPlatform().name("load").daemon().unstarted(this::run);
    }

    /** Makes the table {@code demo} and begins to fill it. */
    static Load start(LocalPostgres primary) {
        primary.execute("CREATE TABLE IF NOT EXISTS demo (id bigint PRIMARY KEY, payload text NOT NULL)");
        Load load = new Load(primary);
        load.thread.start();
        return load;
    }

    private void run() {
        try (Connection connection = primary.connect();
                PreparedStatement insert = connection.prepareStatement("INSERT INTO demo SELECT ?, repeat(md5(?::text), 16)")) {
            while (!stopping) {
                long id = committed.get() + 1;
                insert.setLong(1, id);
                insert.setLong(2, id);
                insert.executeUpdate();
                committed.set(id);
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        } catch (SQLException e) {
            failure = e;
        }
    }

    /** Transactions that the primary has confirmed so far. */
    long committed() {
        return committed.get();
    }

    /** Ends after the transaction that is under way. */
    @Override
    public void close() {
        stopping = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        SQLException e = failure;
        if (e != null) {
            throw new IllegalStateException("the load on the primary failed after %d transactions".formatted(committed.get()), e);
        }
    }
}
