package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.replication.FromServer;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hostile clients beside a well-behaved one, for {@code fuzz.seconds} (20): the relay neither grows nor keeps the other
 * waiting. {@code .ci/fuzz SECONDS [SEED]} runs it for longer or again.
 */
final class FuzzIT {

    private static final Logger log = LoggerFactory.getLogger(FuzzIT.class);

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Duration STALL = Duration.ofSeconds(10);
    private static final int WARM_UP_ATTACKS = 200;
    private static final int HALF_OPEN = 100;
    private static final long GROWTH_KB = 32 << 10;

    @TempDir
    private Path directory;

    @Test
    void hostileClientsCostNobodyElseAnything() throws Exception {
        Duration length = Duration.ofSeconds(Long.getLong("fuzz.seconds", 20));
        long seed = Long.getLong("fuzz.seed", System.nanoTime());
        log.info("fuzz.seed={} fuzz.seconds={}", seed, length.toSeconds());
        Certificates.Pair server = Certificates.in(directory).issue("server");
        try (LocalPostgres primary = LocalPostgres.of(Programs.version(15).server()).start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"))
                        .with("WALRELAY_LISTEN_TLS_CERT", server.certificate().toString())
                        .with("WALRELAY_LISTEN_TLS_KEY", server.key().toString())
                        // A heap that is there from the start cannot grow: what grows is outside it, and a leak in it ends the process.
                        .with("_JAVA_OPTIONS", "-Xms96m -Xmx96m -XX:+AlwaysPreTouch -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError")
                        .start();
                Neighbour neighbour = new Neighbour(primary, relay)) {
            HostileClient hostile = new HostileClient(relay.port(), new SplittableRandom(seed));
            Map<HostileClient.Attack, Integer> attacks = new EnumMap<>(HostileClient.Attack.class);
            Deque<Socket> halfOpen = new ArrayDeque<>();
            for (int i = 0; i < WARM_UP_ATTACKS; i++) {
                attacks.merge(hostile.attack(), 1, Integer::sum);
                neighbour.check();
            }
            long before = residentKb(relay.pid());
            long end = System.nanoTime() + length.toNanos();
            while (System.nanoTime() - end < 0) {
                attacks.merge(hostile.attack(), 1, Integer::sum);
                neighbour.check();
                halfOpen.add(hostile.halfOpen());
                if (halfOpen.size() > HALF_OPEN) {
                    halfOpen.remove().close();
                }
            }
            for (Socket socket : halfOpen) {
                socket.close();
            }
            long after = residentKb(relay.pid());
            log.info("attacks={} rss-before={} kB rss-after={} kB neighbour={} bytes longest-wait={} ms",
                    attacks, before, after, neighbour.bytes.get(), neighbour.longest.get() / 1_000_000);
            assertTrue(after - before < GROWTH_KB, () -> "the relay grew from %d kB to %d kB; seed %d".formatted(before, after, seed));
            assertTrue(relay.isRunning(), relay::log);
        }
    }

    /** VmRSS of a process. */
    private static long residentKb(long pid) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }

    /** A standby that reads all the time, and a load that gives it something to read some times a second. */
    private static final class Neighbour implements AutoCloseable {

        private final AtomicLong bytes = new AtomicLong();
        private final AtomicLong lastNanos = new AtomicLong();
        private final AtomicLong longest = new AtomicLong();
        private final AtomicReference<@Nullable Exception> ended = new AtomicReference<>();
        private final AtomicBoolean closing = new AtomicBoolean();
        private final FakeStandby standby;
        private final Thread reader;
        private final Thread load;

        Neighbour(LocalPostgres primary, RelayProcess relay) {
            InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), relay.port());
            standby = Await.until("the neighbour to log in", LIMIT, () -> {
                FakeStandby connected = FakeStandby.login(address, "neighbour");
                connected.start("0/1000000");
                return connected;
            }, _ -> true);
            lastNanos.set(System.nanoTime());
            reader = Thread.ofPlatform().daemon().name("neighbour").start(this::read);
            load = Thread.ofPlatform().daemon().name("load").start(() -> write(primary));
        }

        private void read() {
            try {
                while (!closing.get()) {
                    if (standby.streamed() instanceof FromServer.XLogData data) {
                        bytes.addAndGet(data.wal().readableBytes());
                        data.wal().release();
                        long now = System.nanoTime();
                        longest.accumulateAndGet(now - lastNanos.getAndSet(now), Math::max);
                    }
                }
            } catch (IOException | RuntimeException e) {
                ended.set(e);
            }
        }

        private void write(LocalPostgres primary) {
            try (Connection connection = primary.connect();
                    Statement statement = connection.createStatement()) {
                while (!closing.get()) {
                    statement.execute("SELECT pg_logical_emit_message(true, 'fuzz', repeat('x', 10000))");
                    LockSupport.parkNanos(50_000_000);
                }
            } catch (SQLException e) {
                ended.set(e);
            }
        }

        /** Fails when the neighbour was thrown out or waits for too long. */
        void check() {
            Exception why = ended.get();
            if (why != null) {
                throw new AssertionError("the well-behaved standby was ended", why);
            }
            long waiting = System.nanoTime() - lastNanos.get();
            assertTrue(waiting < STALL.toNanos(), () -> "the well-behaved standby has waited for %d ms".formatted(waiting / 1_000_000));
        }

        @Override
        public void close() throws IOException {
            closing.set(true);
            try {
                load.join();
                standby.close();
                reader.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
