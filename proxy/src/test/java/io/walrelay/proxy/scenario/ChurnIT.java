package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Many receivers that come and go, some of them killed, and one that reads a byte a second: what each of them has at the end
 * is the server's WAL, and the relay is none the worse.
 *
 * <pre>
 *   primary ──▶ relay ──▶ 50 × pg_receivewal, started and ended at random for 30 s (PostgreSQL 18: fewer, for less)
 *                 └─────▶ one socket that hardly reads
 * </pre>
 */
@Timeout(300)
final class ChurnIT {

    private static final Logger log = LoggerFactory.getLogger(ChurnIT.class);
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({"15, 50, 30", "18, 15, 8"})
    void receiversThatComeAndGoAllEndUpWithTheServersWal(int version, int count, int seconds) throws IOException {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        log.info("replay with -Dwalrelay.seed={}", seed);
        Random random = new Random(seed);
        Programs programs = Programs.version(version);
        Map<Integer, ExternalProcess> receivers = new HashMap<>();
        try (LocalPostgres primary = LocalPostgres.of(programs.server())
                        .segmentSize(SEGMENT)
                        .set("wal_keep_size", "1GB")
                        .start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).start()) {
            new Psql(programs).awaitLevel(relay, primary);
            for (int i = 0; i < count; i++) {
                Files.createDirectories(files(i));
            }
            try (Ledger ledger = Ledger.on(primary, 32);
                    Socket slow = new Socket(InetAddress.getLoopbackAddress(), relay.port())) {
                startStreaming(slow, primary.flushedLsn());
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
                long nextByte = 0;
                int starts = 0;
                while (System.nanoTime() < end) {
                    int i = random.nextInt(count);
                    ExternalProcess running = receivers.remove(i);
                    if (running == null) {
                        receivers.put(i, receive(programs, relay, i));
                        starts++;
                    } else {
                        leave(running, random.nextBoolean());
                    }
                    if (System.nanoTime() > nextByte) {
                        assertTrue(slow.getInputStream().read() >= 0, "the slow reader is still served");
                        nextByte = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
                    }
                    // A pace, not a wait: some fifty arrivals and departures a second.
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
                }
                log.info("{} starts of receivers, {} commits", starts, ledger.stop());
                assertTrue(starts >= 2 * count, starts + " starts of receivers; each of them has to come and go some times");
            } finally {
                receivers.values().forEach(running -> leave(running, true));
            }
            assertTrue(relay.isRunning(), relay::log);
            Lsn last = primary.flushedLsn();
            WalFiles truth = new WalFiles(primary.dataDirectory().resolve("pg_wal"), SEGMENT);
            // Each goes on from what it has, some of them from nothing and some from a half-written segment.
            for (int i = 0; i < count; i++) {
                removeUnfinishedPadding(files(i));
                programs.run(LIMIT, "pg_receivewal", "--no-loop", "--endpos=" + last, "-D", files(i).toString(), "-d", relay.conninfo()).orFail();
                new WalFiles(files(i), SEGMENT).assertEqualUpTo(last, truth);
            }
        }
    }

    private Path files(int i) {
        return directory.resolve("receiver-" + i);
    }

    private ExternalProcess receive(Programs programs, RelayProcess relay, int i) {
        return programs.start("pg_receivewal", "--no-loop", "-D", files(i).toString(), "-d", relay.conninfo("receiver_" + i));
    }

    private static void leave(ExternalProcess receiver, boolean abruptly) {
        if (abruptly) {
            receiver.kill();
        } else {
            // Not INT: it is ignored where the tests run in the background of a shell, until pg_receivewal has connected.
            receiver.signal("TERM");
            receiver.awaitExit(LIMIT);
        }
        receiver.close();
    }

    /** A pg_receivewal that is killed while it fills a new file with zeros leaves one that the next refuses to go on with. */
    private static void removeUnfinishedPadding(Path received) throws IOException {
        try (var partials = Files.newDirectoryStream(received, "*.partial")) {
            for (Path partial : partials) {
                if (Files.size(partial) != SEGMENT.bytes()) {
                    Files.delete(partial);
                }
            }
        }
    }

    /** Logs in and asks for WAL, and leaves the answer where it is. */
    static void startStreaming(Socket socket, Lsn from) throws IOException {
        socket.setReceiveBufferSize(4096);
        var out = socket.getOutputStream();
        byte[] parameters = "user\0postgres\0replication\0true\0\0".getBytes(StandardCharsets.US_ASCII);
        var startup = ByteBuffer.allocate(8 + parameters.length);
        out.write(startup.putInt(8 + parameters.length).putInt(3 << 16).put(parameters).array());
        InputStream in = socket.getInputStream();
        // ReadyForQuery is the first Z after the login's messages; none of them has one as its type.
        while (true) {
            int type = in.read();
            int length = ByteBuffer.wrap(in.readNBytes(4)).getInt();
            in.readNBytes(length - 4);
            if (type == 'Z') {
                break;
            }
        }
        byte[] command = ("START_REPLICATION PHYSICAL " + from + "\0").getBytes(StandardCharsets.US_ASCII);
        out.write(ByteBuffer.allocate(5 + command.length).put((byte) 'Q').putInt(4 + command.length).put(command).array());
    }
}
