package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A relay that was killed comes back to an upstream that has removed what the relay acknowledged, and nothing more.
 *
 * <pre>
 *            S            S+1           S+2           S+3        segments of 1 MB
 *   ─────────┼───[ one record of 2.5 MB ]┼─────────────┼────▶
 *                ▲        ▲      ✂ killed here
 *                begins   acknowledged: S is whole; upstream removes S, with the record's beginning
 * </pre>
 */
@ParameterizedClass
@ValueSource(ints = {15, 18})
final class RecycledUpstreamIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SIZE = new SegmentSize(1 << 20);

    private final Programs programs;

    @TempDir
    private Path directory;

    RecycledUpstreamIT(int version) {
        programs = Programs.version(version);
    }

    @Test
    void goesOnInsideARecordWhoseBeginningUpstreamHasRemoved() throws IOException {
        Path truth = Files.createDirectory(directory.resolve("truth"));
        try (LocalPostgres primary = primary();
                FaultProxy line = FaultProxy.to(primary.port());
                RelayProcess relay = Acknowledged.awaitStreaming(relay(line.port()).start(), primary);
                LocalPostgres a = LocalPostgres.standbyOf(primary, relay.conninfo("a")).name("a").start();
                ExternalProcess receiver = receiver(primary, truth)) {
            primary.execute("CREATE TABLE ledger (id bigint PRIMARY KEY, noise text NOT NULL)", "SELECT pg_switch_wal()");
            awaitAcknowledged(primary, primary.flushedLsn());

            line.throttle(FaultProxy.Direction.TO_CLIENT, 700_000);
            Lsn begin = primary.flushedLsn();
            primary.execute("SELECT pg_logical_emit_message(false, 'walrelay', repeat('x', 2500000))");
            WalFiles held = new WalFiles(relay.data().resolve("wal"), SIZE);
            Lsn second = SIZE.endOf(begin);
            Await.until("the relay to have begun the record's second segment and acknowledged its first", LIMIT,
                    () -> held.holds(second) && acknowledged(primary).isAtLeast(second));
            relay.kill();
            Lsn told = acknowledged(primary);
            assertTrue(told.isBefore(primary.flushedLsn()), "killed inside the record: %s was told, it ends at %s".formatted(told, primary.flushedLsn()));

            awaitRemoval(primary, begin);
            assertEquals(told, acknowledged(primary), "the slot while the relay is away");
            line.throttle(FaultProxy.Direction.TO_CLIENT, Long.MAX_VALUE);
            relay.start();
            assertGoesOn(primary, relay, a, receiver, truth, begin);
        }
    }

    @Test
    void resumesWhereItWasWhenUpstreamHasRecycledEverythingBefore() throws IOException {
        Path truth = Files.createDirectory(directory.resolve("truth"));
        try (LocalPostgres primary = primary();
                RelayProcess relay = Acknowledged.awaitStreaming(relay(primary.port()).start(), primary);
                LocalPostgres a = LocalPostgres.standbyOf(primary, relay.conninfo("a")).name("a").start();
                ExternalProcess receiver = receiver(primary, truth)) {
            Lsn begin = primary.flushedLsn();
            try (Ledger ledger = Ledger.on(primary, 20_000)) {
                Await.until("some segments of load", LIMIT, ledger::confirmed, seen -> seen > 200);
                relay.kill();
                long before = ledger.confirmed();
                // Segments that only the relay's slot holds: they must be there when it comes back.
                Await.until("more load while the relay is away", LIMIT, ledger::confirmed, seen -> seen > before + 200);
                ledger.stop();
            }
            awaitRemoval(primary, begin);
            relay.start();
            assertGoesOn(primary, relay, a, receiver, truth, begin);
        }
    }

    private void assertGoesOn(LocalPostgres primary, RelayProcess relay, LocalPostgres a, ExternalProcess receiver, Path truth, Lsn begin) {
        try (Ledger ledger = Ledger.on(primary, 5_000)) {
            long before = ledger.confirmed();
            Await.until("load after the restart", LIMIT, ledger::confirmed, seen -> seen > before + 50);
            ledger.stop();
        }
        Lsn end = primary.flushedLsn();
        a.awaitReplay(end, LIMIT);
        assertEquals(Ledger.fingerprint(primary), Ledger.fingerprint(a));
        WalFiles received = new WalFiles(truth, SIZE);
        // One more segment than is compared: all before it is written.
        primary.execute("SELECT pg_switch_wal()", "SELECT pg_logical_emit_message(true, 'walrelay', 'next segment')");
        Await.until("pg_receivewal to have it all", LIMIT, () -> received.holds(SIZE.endOf(end)));
        assertTrue(receiver.isRunning(), receiver::output);
        WalFiles held = new WalFiles(relay.data().resolve("wal"), SIZE);
        assertTrue(held.begin().isAtMost(begin), () -> "the relay holds WAL from %s; expected it to have kept that from %s".formatted(held.begin(), begin));
        held.assertEqualFrom(received.begin(), end, received);
        assertFalse(relay.log().contains("gap"), relay::log);
    }

    private LocalPostgres primary() {
        return LocalPostgres.of(programs.server())
                .name("primary")
                .segmentSize(SIZE)
                .set("wal_keep_size", "0")
                .set("min_wal_size", "2MB")
                .set("max_wal_size", "2MB")
                .set("wal_recycle", "off")
                .start();
    }

    private RelayProcess relay(int upstream) {
        return RelayProcess.of("host=127.0.0.1 port=%d user=postgres".formatted(upstream), "relay", directory.resolve("data"));
    }

    private ExternalProcess receiver(LocalPostgres primary, Path truth) {
        return programs.start("pg_receivewal", "--directory=" + truth, "--dbname=" + primary.conninfo(), "--no-loop", "--status-interval=1");
    }

    private static Lsn acknowledged(LocalPostgres primary) {
        return Lsn.parse(primary.query("SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = 'relay'"));
    }

    private static void awaitAcknowledged(LocalPostgres primary, Lsn lsn) {
        Await.until("the relay to acknowledge " + lsn, LIMIT, () -> acknowledged(primary), seen -> seen.isAtLeast(lsn));
    }

    /** Checkpoints until the primary has no segment any more that holds {@code lsn}. */
    private static void awaitRemoval(LocalPostgres primary, Lsn lsn) {
        WalFiles pgWal = new WalFiles(primary.dataDirectory().resolve("pg_wal"), SIZE);
        Await.until("the primary to remove the segment of " + lsn, LIMIT, () -> {
            primary.execute("CHECKPOINT");
            return !pgWal.holds(lsn);
        });
    }
}
