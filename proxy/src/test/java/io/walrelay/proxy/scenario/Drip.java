package io.walrelay.proxy.scenario;

import io.walrelay.proxy.demo.LocalPostgres;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** A steady load: one commit of so many bytes each so many milliseconds. The rate is the test's, whatever the machine can do. */
final class Drip implements AutoCloseable {

    private final Thread thread;
    private final AtomicReference<@Nullable Exception> ended = new AtomicReference<>();
    private volatile boolean stopping;

    private Drip(LocalPostgres server, int bytes, long millis) {
        thread = Thread.ofPlatform().name("drip").daemon().start(() -> write(server, bytes, millis));
    }

    static Drip on(LocalPostgres server, int bytes, long millis) {
        return new Drip(server, bytes, millis);
    }

    private void write(LocalPostgres server, int bytes, long millis) {
        try (Connection connection = server.connect();
                PreparedStatement insert = connection.prepareStatement("SELECT pg_logical_emit_message(true, 'lag', repeat('x', ?))")) {
            insert.setInt(1, bytes);
            long next = System.nanoTime();
            while (!stopping) {
                insert.execute();
                next += TimeUnit.MILLISECONDS.toNanos(millis);
                LockSupport.parkNanos(next - System.nanoTime());
            }
        } catch (SQLException e) {
            ended.set(e);
        }
    }

    void stop() {
        close();
        Exception e = ended.get();
        if (e != null) {
            throw new AssertionError("the load ended by itself", e);
        }
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
