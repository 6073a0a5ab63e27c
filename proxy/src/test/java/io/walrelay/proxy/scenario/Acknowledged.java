package io.walrelay.proxy.scenario;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * The furthest position that a server was told is flushed by its standby {@code relay}, and that its slot {@code relay} has:
 * asked some hundred times a second, so that a kill finds a fresh one. Runs until it is closed or the server goes.
 */
final class Acknowledged implements AutoCloseable {

    private static final long PAUSE_NANOS = 3_000_000;
    private static final String FLUSHED = "SELECT max(flush_lsn) FROM pg_stat_replication WHERE application_name = 'relay'";
    private static final String SLOT = "SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = 'relay'";

    private final LocalPostgres server;
    private final AtomicReference<Lsn> furthest = new AtomicReference<>(Lsn.INVALID);
    private final Thread thread;
    private volatile boolean stopping;

    Acknowledged(LocalPostgres server) {
        this.server = server;
        this.thread = Thread.ofPlatform().name("acknowledged").daemon().start(this::watch);
    }

    private void watch() {
        try (Connection connection = server.connect();
                PreparedStatement query = connection.prepareStatement(FLUSHED)) {
            while (!stopping) {
                try (ResultSet row = query.executeQuery()) {
                    String lsn = row.next() ? row.getString(1) : null;
                    if (lsn != null) {
                        furthest.accumulateAndGet(Lsn.parse(lsn), Lsn::max);
                    }
                }
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        } catch (SQLException e) {
            if (server.isRunning()) {
                throw new IllegalStateException("could not watch what \"%s\" was told".formatted(server.name()), e);
            }
        }
    }

    Lsn furthest() {
        return furthest.get();
    }

    /**
     * Adds what the slot says, which outlives the connection that moved it. Not before a first report was seen: a slot that was
     * just made has the server's own last checkpoint (slot.c, ReplicationSlotReserveWal), which nobody acknowledged.
     */
    Lsn last() {
        String lsn = furthest().isValid() ? server.queryOrNull(SLOT) : null;
        if (lsn != null) {
            furthest.accumulateAndGet(Lsn.parse(lsn), Lsn::max);
        }
        return furthest();
    }

    /** Waits until {@code relay} streams from {@code server}: a base backup that begins now finds all its WAL there. */
    static RelayProcess awaitStreaming(RelayProcess relay, LocalPostgres server) {
        Await.until(
                "the relay to stream from \"%s\"".formatted(server.name()),
                Duration.ofSeconds(60),
                () -> server.queryOrNull(FLUSHED) != null);
        return relay;
    }

    /** Waits until the server was told of more than {@code lsn}. */
    void awaitAfter(Lsn lsn, Duration limit) {
        Await.until("the relay to acknowledge WAL after " + lsn, limit, this::furthest, seen -> seen.isAfter(lsn));
    }

    @Override
    public void close() {
        stopping = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
