package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What Kubernetes does when the chart is upgraded, with processes: SIGTERM to the last relay, a new process on its data, the next one when it is
 * ready. Commits wait for one of the two all the while, and the standby lists both.
 *
 * <pre>
 *   primary ─▶ one   ●──╳ ●──────────●     synchronous when it is there
 *         └──▶ zero  ●────────╳ ●────●     synchronous meanwhile
 *        standby:    one  zero  one        by itself
 *   primary         ●────────────────╳     killed at the end: what was confirmed is what the standby has from one
 * </pre>
 */
@Timeout(180)
final class RollingUpgradeIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Programs PROGRAMS = Programs.version(15);

    @TempDir
    private Path directory;

    @Test
    void losesNothingThatWasAcknowledgedAndStandbysGoOnByThemselves() {
        try (LocalPostgres primary = LocalPostgres.of(PROGRAMS.server()).name("primary").start();
                RelayProcess zero = RelayProcess.of(primary.conninfo(), "zero", directory.resolve("zero"));
                RelayProcess one = RelayProcess.of(primary.conninfo(), "one", directory.resolve("one"))) {
            String peers = zero.url() + ";" + one.url();
            zero.with("WALRELAY_PEERS", peers).launch();
            one.with("WALRELAY_PEERS", peers).start();
            zero.awaitReady(LIMIT);
            one.awaitReady(LIMIT);
            PROGRAMS.run(LIMIT, "pg_receivewal", "--create-slot", "--slot=s", "--dbname=" + one.conninfo()).orFail();
            String both = "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres application_name=s".formatted(one.port(), zero.port());
            try (LocalPostgres standby = LocalPostgres.standbyOf(primary, both).set("primary_slot_name", "s").name("standby").start()) {
                awaitStreaming(one);
                awaitSlot(zero);
                primary.set("synchronous_standby_names", "FIRST 1 (one, zero)");
                primary.reload();
                long confirmed;
                try (Ledger ledger = Ledger.on(primary, 1_000)) {
                    awaitSynchronous(primary, "one");
                    upgrade(one, zero, primary, standby, ledger);
                    upgrade(zero, one, primary, standby, ledger);
                    awaitSynchronous(primary, "one");
                    primary.kill();
                    confirmed = ledger.end();
                }
                Ledger.awaitRow(confirmed, standby, LIMIT);
                assertEquals("t", standby.query("SELECT count(*) = max(id) FROM ledger"), "no row is missing");
            }
        }
    }

    /** Ends the relay that the standby streams from and starts it anew, while {@code other} takes over. */
    private static void upgrade(RelayProcess relay, RelayProcess other, LocalPostgres primary, LocalPostgres standby, Ledger ledger) {
        awaitStreaming(relay);
        Ledger.awaitRow(ledger.confirmed() + 50, standby, LIMIT);
        Lsn acknowledged = Lsn.parse(primary.query("SELECT flush_lsn FROM pg_stat_replication WHERE application_name = '%s'".formatted(name(relay))));

        assertEquals(143, relay.terminate(LIMIT));
        awaitStreaming(other);
        Ledger.awaitRow(ledger.confirmed() + 50, standby, LIMIT);

        relay.start();
        relay.awaitReady(LIMIT);
        RelayStatus.await("the relay to stream again", relay, LIMIT, status -> status.upstream().state().equals("streaming"));
        Lsn flushed = Lsn.parse(RelayStatus.await("the relay's position", relay, LIMIT, status -> status.wal().isPresent()).wal().orElseThrow().flushed());
        assertTrue(flushed.isAtLeast(acknowledged), () -> "%s was acknowledged, %s is there".formatted(acknowledged, flushed));
        assertTrue(ledger.isRunning(), "commits went on");
        // What it had missed meanwhile for the standby's slot is there when the other goes.
        awaitSlot(relay);
    }

    private static String name(RelayProcess relay) {
        return relay.data().getFileName().toString();
    }

    private static void awaitStreaming(RelayProcess relay) {
        RelayStatus.await(
                "the standby to stream from " + name(relay), relay, LIMIT, status -> status.slots().stream().anyMatch(s -> s.name().equals("s") && s.activePid().isPresent()));
    }

    private static void awaitSlot(RelayProcess relay) {
        RelayStatus.await("the slot on " + name(relay), relay, LIMIT, status -> status.slots().stream().anyMatch(s -> s.name().equals("s")));
    }

    private static void awaitSynchronous(LocalPostgres primary, String relay) {
        Await.until(
                relay + " to be the one that commits wait for",
                LIMIT,
                () -> primary.query("SELECT coalesce(string_agg(application_name, ','), '') FROM pg_stat_replication WHERE sync_state = 'sync'"),
                relay::equals);
    }
}
