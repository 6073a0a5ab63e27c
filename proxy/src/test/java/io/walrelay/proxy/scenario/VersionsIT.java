package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.PostgresBinaries;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * One life of a cluster behind a relay, on every version:
 *
 * <pre>
 *   primary ──▶ relay ──▶ a, b     load; kill -9 of the relay under load; all equal
 *      ╳                           the primary is gone
 *   next (was a standby of the primary, promoted) ──▶ relay ──▶ a, b      same address for a and b; more load; all equal
 * </pre>
 */
final class VersionsIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    static java.util.stream.Stream<Integer> versions() {
        return Servers.versions();
    }

    @ParameterizedTest
    @MethodSource("versions")
    void standbysFollowThroughAKillAndAFailover(int version) {
        live(Servers.version(version), SegmentSize.DEFAULT, 200);
    }

    @Test
    void segmentsOfOneMegabyteWork() {
        live(Servers.version(18), new SegmentSize(1 << 20), 4_000);
    }

    @Test
    void segmentsOfSixtyFourMegabytesWork() {
        live(Servers.version(15), new SegmentSize(64 << 20), 200);
    }

    private void live(PostgresBinaries binaries, SegmentSize size, int payload) {
        try (LocalPostgres primary = LocalPostgres.of(binaries).name("primary").segmentSize(size).start();
                LocalPostgres next = LocalPostgres.standbyOf(primary, primary.conninfo()).name("next").start();
                RelayProcess relay = RelayProcess.of(
                                "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(primary.port(), next.port()), "relay", directory.resolve("data"))
                        .startReady();
                LocalPostgres a = LocalPostgres.standbyOf(primary, relay.conninfo("a")).name("a").start();
                LocalPostgres b = LocalPostgres.standbyOf(primary, relay.conninfo("b")).name("b").start()) {

            try (Ledger ledger = Ledger.on(primary, payload)) {
                Ledger.awaitRow(50, a, LIMIT);
                relay.kill();
                long before = ledger.confirmed();
                relay.start();
                Ledger.awaitRow(before + 50, a, LIMIT);
                Ledger.awaitRow(before + 50, b, LIMIT);
                ledger.stop();
            }
            Ledger.assertEqualOn(primary, LIMIT, a, b);

            // The next primary has everything before the old one goes.
            next.awaitReplay(primary.flushedLsn(), LIMIT);
            primary.kill();
            next.promote();
            try (Ledger ledger = Ledger.on(next, payload)) {
                Ledger.awaitRow(ledger.confirmed() + 50, a, LIMIT);
                ledger.stop();
            }
            Ledger.assertEqualOn(next, LIMIT, a, b);
            assertEquals(new TimelineId(2), a.timeline(), "the timeline that standby a follows");
            assertTrue(relay.log().contains("timeline 2") || relay.log().contains("2@"), relay.log());
        }
    }
}
