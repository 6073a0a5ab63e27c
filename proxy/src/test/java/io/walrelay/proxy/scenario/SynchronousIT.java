package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The relay is the only synchronous standby, and the primary is killed under load. In the right order, drained first and promoted
 * then, no confirmed commit is lost. {@link DivergenceIT} has the wrong order.
 *
 * <pre>
 *   timeline 1  primary ────────────╳ killed under load
 *                        relay has ─●  what commits waited for
 *   timeline 2  s, behind the relay └──────────   promoted when it has replayed all that the relay acknowledged
 * </pre>
 */
final class SynchronousIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void aStandbyThatHasDrainedTheRelayHasEveryConfirmedCommit(int version) {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(version)).name("primary").start();
                LocalPostgres s = LocalPostgres.standbyOf(primary, primary.conninfo()).name("s").start();
                RelayProcess relay = RelayProcess.of(
                                "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(primary.port(), s.port()), "relay", directory.resolve("data"))
                        .startReady();
                LocalPostgres a = LocalPostgres.standbyOf(primary, relay.conninfo("a")).name("a").start()) {
            s.set("primary_conninfo", relay.conninfo("s"));
            s.reload();
            primary.set("synchronous_standby_names", "relay");
            primary.reload();
            Await.until(
                    "the relay to be synchronous",
                    LIMIT,
                    () -> primary.query("SELECT sync_state FROM pg_stat_replication WHERE application_name = 'relay'"),
                    "sync"::equals);
            long confirmed;
            try (Ledger ledger = Ledger.on(primary, 1_000)) {
                Ledger.awaitRow(100, primary, LIMIT);
                primary.kill();
                confirmed = ledger.end();
            }
            StatusReport alone = RelayStatus.await(
                    "the relay to lose its upstream", relay, LIMIT, status -> !status.upstream().state().equals("streaming"));
            Lsn acknowledged = RelayStatus.acknowledged(alone);
            s.awaitReplay(acknowledged, LIMIT);
            s.promote();
            assertTrue(Ledger.rows(s) >= confirmed, () -> "row %d was confirmed".formatted(confirmed));

            s.execute("INSERT INTO ledger SELECT max(id) + 1, 'after' FROM ledger");
            Ledger.assertEqualOn(s, LIMIT, a);
            assertEquals(new TimelineId(2), a.timeline(), "the timeline of a");
            StatusReport after = RelayStatus.awaitStreaming(relay, s, LIMIT);
            assertTrue(after.ready(), after.reasons()::toString);
        }
    }
}
