package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Readers of a byte a second beside a real standby: the standby gets everything at once, and the slow ones are neither thrown out nor
 * waited for. There is one for each core, so that wherever the standby is served, one of them is served there as well.
 *
 * <pre>
 *   primary ──2 MB/s──▶ relay ──▶ fast     a standby: has replayed in a moment what the primary has flushed
 *                         └─────▶ slow…    sockets with a small buffer, one byte a second
 * </pre>
 */
@Tag("alone")
@Timeout(180)
final class SlowReaderIT {

    private static final Logger log = LoggerFactory.getLogger(SlowReaderIT.class);
    private static final Duration LIMIT = Duration.ofSeconds(60);

    /** What a busy test machine may take for it, and far less than the slow one would take for a single message. */
    private static final Duration PROMPTLY = Duration.ofSeconds(5);

    private static final int ROUNDS = 15;

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void aSlowReaderKeepsNobodyWaiting(int version) throws Exception {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(version)).name("primary").start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).startReady();
                LocalPostgres fast = LocalPostgres.standbyOf(primary, relay.conninfo("fast")).name("fast").start();
                SlowReaders slow = new SlowReaders();
                Drip load = Drip.on(primary, 20_000, 10)) {
            fast.awaitReplay(primary.flushedLsn(), LIMIT);
            Lsn began = primary.flushedLsn();
            slow.start(relay, began);
            long longest = 0;
            for (int round = 0; round < ROUNDS; round++) {
                long begin = System.nanoTime();
                slow.readAByteEach();
                Lsn flushed = primary.flushedLsn();
                fast.awaitReplay(flushed, PROMPTLY);
                longest = Math.max(longest, System.nanoTime() - begin);
                TimeUnit.NANOSECONDS.sleep(TimeUnit.SECONDS.toNanos(1) - (System.nanoTime() - begin));
            }
            load.stop();
            Lsn end = primary.flushedLsn();
            fast.awaitReplay(end, PROMPTLY);
            long written = end.minus(began);
            log.info("the fast one had all of {} bytes within {} ms each time", written, longest / 1_000_000);
            assertTrue(written > 10 << 20, () -> written + " bytes; more than what sockets and the relay hold for the slow one");

            List<StatusReport.Standby> behind = RelayStatus.of(relay).standbys().stream().filter(standby -> !standby.name().equals("fast")).toList();
            assertEquals(slow.sockets.size(), behind.size(), behind::toString);
            for (StatusReport.Standby one : behind) {
                assertTrue(one.sent().lagBytes().orElseThrow() > 1 << 20, behind::toString);
            }
            slow.readAByteEach();
        }
    }

    private static final class SlowReaders implements AutoCloseable {

        private final List<Socket> sockets = new ArrayList<>();

        void start(RelayProcess relay, Lsn from) throws IOException {
            for (int i = 0; i < Runtime.getRuntime().availableProcessors(); i++) {
                Socket socket = new Socket(InetAddress.getLoopbackAddress(), relay.port());
                sockets.add(socket);
                ChurnIT.startStreaming(socket, from);
            }
        }

        void readAByteEach() throws IOException {
            for (Socket socket : sockets) {
                assertTrue(socket.getInputStream().read() >= 0, "a slow reader is still served");
            }
        }

        @Override
        public void close() throws IOException {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }
}
