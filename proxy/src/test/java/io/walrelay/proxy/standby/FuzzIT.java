package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.replication.FromServer;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
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
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hostile clients beside a well-behaved one, for {@code fuzz.seconds} (20): the relay neither grows nor keeps the other
 * waiting. {@code .ci/fuzz SECONDS [SEED]} runs it for longer or again.
 *
 * <p>What must not grow is the sum of two: what the process has resident outside its heap, which is there whole from the start, and what
 * is alive in the heap after a collection. The tail of WAL in memory, which is allowed to grow to its limit, is filled to it before.
 */
@Tag("alone")
final class FuzzIT {

    private static final Logger log = LoggerFactory.getLogger(FuzzIT.class);

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Duration STALL = Duration.ofSeconds(10);
    private static final Duration STATUS_INTERVAL = Duration.ofSeconds(10);
    private static final int WARM_UP_ATTACKS = 500;
    private static final int HALF_OPEN = 100;
    private static final long GROWTH_KB = 32 << 10;
    private static final int TAIL_MB = 32;
    private static final int FEW_FILES = 20;

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
                        .with("WALRELAY_CACHE_MEMORY", TAIL_MB + "MB")
                        // A heap that is there from the start cannot grow: what becomes resident is outside it, and a leak in it ends the process.
                        .with("_JAVA_OPTIONS", "-Xms96m -Xmx96m -XX:+AlwaysPreTouch -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError")
                        .start();
                Neighbour neighbour = new Neighbour(primary, relay)) {
            fillTail(primary, relay);
            HostileClient hostile = new HostileClient(relay.port(), new SplittableRandom(seed));
            Map<HostileClient.Attack, Integer> attacks = new EnumMap<>(HostileClient.Attack.class);
            Deque<Socket> halfOpen = new ArrayDeque<>();
            for (int i = 0; i < WARM_UP_ATTACKS; i++) {
                attacks.merge(hostile.attack(), 1, Integer::sum);
                neighbour.check();
            }
            double filesBefore = metric(relay, "process_open_fds");
            Memory before = Memory.of(relay);
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
            // Some of the attackers have only just hung up.
            Await.until("the connections to be let go", LIMIT, () -> metric(relay, "process_open_fds"), files -> files < filesBefore + FEW_FILES);
            Memory after = Memory.of(relay);
            log.info("{} attacks: {}; before: {}; after: {}; tail={} bytes neighbour={} bytes longest-wait={} ms",
                    attacks.values().stream().mapToInt(Integer::intValue).sum(), attacks, before, after, (long) metric(relay, "cache_memory_bytes"),
                    neighbour.bytes.get(), neighbour.longest.get() / 1_000_000);
            assertTrue(after.sumKb() - before.sumKb() < GROWTH_KB, () -> "the relay grew from %s to %s; seed %d".formatted(before, after, seed));
            assertTrue(relay.isRunning(), relay::log);
        }
    }

    /** Writes as much WAL as the tail holds; from then on it only turns over. */
    private static void fillTail(LocalPostgres primary, RelayProcess relay) {
        for (int i = 0; i < TAIL_MB + 4; i++) {
            primary.execute("SELECT pg_logical_emit_message(true, 'fill', repeat('x', 1 << 20))");
        }
        Await.until("the tail of WAL in memory to be full", LIMIT, () -> metric(relay, "cache_memory_bytes"), bytes -> bytes >= (TAIL_MB - 1L) * (1 << 20));
    }

    private static double metric(RelayProcess relay, String name) {
        Matcher line = Pattern.compile("^walrelay_%s (\\S+)$".formatted(name), Pattern.MULTILINE).matcher(relay.metrics());
        assertTrue(line.find(), name);
        return Double.parseDouble(line.group(1));
    }

    /**
     * What a relay holds.
     *
     * @param residentKb VmRSS, with all of the heap in it
     * @param liveKb what is alive in the heap
     */
    private record Memory(long residentKb, long liveKb) {

        /** Both generations of the serial collector. */
        private static final Pattern USED = Pattern.compile("(?:DefNew|Tenured) +total \\d+K, used (\\d+)K");

        static Memory of(RelayProcess relay) throws IOException {
            String pid = Long.toString(relay.pid());
            jcmd(pid, "GC.run");
            long live = USED.matcher(jcmd(pid, "GC.heap_info")).results().mapToLong(found -> Long.parseLong(found.group(1))).sum();
            assertTrue(live > 0, "the heap has something in it");
            return new Memory(residentKb(relay.pid()), live);
        }

        long sumKb() {
            return residentKb + liveKb;
        }

        private static String jcmd(String pid, String command) {
            String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
            try (ExternalProcess process = ExternalProcess.start(List.of(jcmd, pid, command))) {
                assertEquals(0, process.awaitExit(LIMIT), process::output);
                return process.output();
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
                long replied = System.nanoTime();
                while (!closing.get()) {
                    Lsn end;
                    switch (standby.streamed()) {
                        case FromServer.XLogData data -> {
                            end = data.start().plus(data.wal().readableBytes());
                            bytes.addAndGet(data.wal().readableBytes());
                            data.wal().release();
                            long now = System.nanoTime();
                            longest.accumulateAndGet(now - lastNanos.getAndSet(now), Math::max);
                        }
                        case FromServer.PrimaryKeepalive keepalive -> end = keepalive.end();
                    }
                    // As wal_receiver_status_interval has it: who never replies is taken for dead.
                    if (System.nanoTime() - replied > STATUS_INTERVAL.toNanos()) {
                        standby.reply(end, end, end, false);
                        replied = System.nanoTime();
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
