package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two standbys that apply two seconds late, one on the primary and one on the relay: both must be said to lag as much.
 *
 * <pre>
 *   primary ──▶ direct            pg_stat_replication.replay_lag
 *      └─▶ relay ──▶ behind       walrelay_standby_lag_seconds, _bytes
 * </pre>
 */
@Timeout(180)
final class LagIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final double DELAY_SECONDS = 2;
    private static final double TOLERANCE = 0.1;

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void lagIsWhatTheStandbyItselfReports(int version) {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(version)).name("primary").start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).start();
                LocalPostgres direct = LocalPostgres.standbyOf(primary, primary.conninfo() + " application_name=direct")
                        .name("direct")
                        .set("recovery_min_apply_delay", "2s")
                        .start();
                LocalPostgres behind = LocalPostgres.standbyOf(primary, relay.conninfo("behind"))
                        .name("behind")
                        .set("recovery_min_apply_delay", "2s")
                        .start()) {
            assertEquals("2s", direct.query("SHOW recovery_min_apply_delay"));
            try (Ledger ledger = Ledger.on(primary, 200)) {
                near("replay lag that the primary reports of direct", DELAY_SECONDS, () -> Double.parseDouble(primary.query(
                        "SELECT coalesce(extract(epoch FROM max(replay_lag)), 0) FROM pg_stat_replication WHERE application_name = 'direct'")));
                near("replay lag that the relay reports of behind", DELAY_SECONDS, () -> metric(relay, "walrelay_standby_lag_seconds", "replay"));
                ledger.stop();
            }
            // What is still to be applied when the load has ended stands still for two seconds: both sides can be asked.
            Lsn end = primary.flushedLsn();
            Await.until("the standby to have all WAL", LIMIT, () -> metric(relay, "walrelay_standby_lag_bytes", "flush") == 0);
            behind.awaitReplay(end, LIMIT);
            Await.until("no lag to be left", LIMIT, () -> metric(relay, "walrelay_standby_lag_bytes", "replay") == 0);
            assertEquals(behind.replayedLsn().value(), (long) metric(relay, "walrelay_standby_position_bytes", "replay"), "replayed position in the metrics");
        }
    }

    /** Waits until a value is within a tenth of what is expected: the first samples after a start are of another load. */
    private static void near(String what, double expected, Await.Probe<Double> probe) {
        Await.until(what + " to be " + expected, LIMIT, probe, seen -> Math.abs(seen - expected) <= expected * TOLERANCE);
    }

    private static double metric(RelayProcess relay, String name, String stage) {
        Pattern line = Pattern.compile("^" + name + "\\{(?=[^}]*stage=\"" + stage + "\")(?=[^}]*standby=\"behind\")[^}]*} (\\S+)$", Pattern.MULTILINE);
        Matcher found = line.matcher(relay.metrics());
        return found.find() ? Double.parseDouble(found.group(1)) : -1;
    }
}
