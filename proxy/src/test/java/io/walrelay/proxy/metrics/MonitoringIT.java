package io.walrelay.proxy.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.Promtool;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What rules and dashboard ask for, beside what a relay shows that has a part of everything.
 *
 * <pre>
 *   primary ──▶ relay ──▶ a        its slot, feedback, a member of the policy
 *                 │  └──╳ b        sent away: its slot is not there
 *                 └─────▶ archive  a peer that is away, a standby that may be held back, a certificate
 * </pre>
 */
@Timeout(180)
final class MonitoringIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    /** There only while something is as it is not here; other tests show them. */
    private static final Set<String> NOT_HERE =
            Set.of("walrelay_not_ready", "walrelay_peer_last_answer_age_seconds", "walrelay_running_xacts_overflowed_position_bytes");

    @TempDir
    private static Path directory;

    private static String text = "";
    private static Exposition seen = new Exposition(List.of());

    @BeforeAll
    static void scrape() throws Exception {
        Certificates.Pair certificate = Certificates.in(directory).issue("relay");
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(18))
                        .set("wal_level", "logical")
                        .set("synchronous_standby_names", "relay")
                        .set("synchronous_commit", "local")
                        .name("primary")
                        .start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"), "--archive", Files.createDirectory(directory.resolve("archive")).toUri().toString())
                        .with("WALRELAY_UPSTREAM_ACKNOWLEDGE", "any 1 (a)")
                        .with("WALRELAY_LISTEN_TLS_CERT", certificate.certificate().toString())
                        .with("WALRELAY_LISTEN_TLS_KEY", certificate.key().toString())
                        .with("WALRELAY_STANDBYS_NAMED", "late delay=1h rate=1MB/s")
                        .with("WALRELAY_PEERS", "http://127.0.0.1:1")
                        .start()) {
            primary.query("SELECT pg_create_logical_replication_slot('l', 'test_decoding', false, false, true)");
            relay.awaitReady(LIMIT);
            Programs programs = Programs.version(18);
            programs.run(LIMIT, "psql", "-X", "-c", "CREATE_REPLICATION_SLOT a PHYSICAL RESERVE_WAL", "-c", "CREATE_REPLICATION_SLOT unused PHYSICAL RESERVE_WAL", relay.conninfo() + " replication=true").orFail();
            try (LocalPostgres standby = LocalPostgres.standbyOf(primary, relay.conninfo("a")).name("a").slot("a").copyWal().set("hot_standby_feedback", "on").start()) {
                programs.run(LIMIT, "psql", "-X", "-c", "START_REPLICATION SLOT nosuch 0/1000000", relay.conninfo("b") + " replication=true");
                try (var connection = primary.connect();
                        var statement = connection.createStatement()) {
                    statement.execute("CREATE TABLE t AS SELECT 1");
                    statement.execute("SELECT pg_switch_wal()");
                    relay.get("/wal/000000010000000000000001");
                    standby.awaitReplay(primary.flushedLsn(), LIMIT);
                    statement.execute("SET synchronous_commit = on");
                    // How late a standby is is known of what is under way.
                    Await.until(
                            "every series to be there",
                            LIMIT,
                            () -> {
                                statement.execute("INSERT INTO t VALUES (2)");
                                return missingOf(relay);
                            },
                            Set::isEmpty);
                }
            }
        }
    }

    @AfterAll
    static void forget() {
        text = "";
    }

    /** What comes a moment later than the rest: the look at failover slots, the first file in the archive, feedback, a refusal. */
    private static Set<String> missingOf(RelayProcess relay) {
        text = relay.metrics();
        seen = Exposition.parse(text);
        Set<String> missing = new TreeSet<>(Set.of(
                "walrelay_failover_slot_retained_bytes", "walrelay_feedback_age", "walrelay_feedback_reported_age", "walrelay_standby_refused_age_seconds", "walrelay_slot_inactive_seconds"));
        missing.removeAll(seen.names());
        if (value("walrelay_archive_files_total") == 0) {
            missing.add("an archived file");
        }
        if (value("walrelay_upstream_waits") == 0) {
            missing.add("a primary that waits");
        }
        Map<String, Set<String>> lag = seen.labels("walrelay_standby_lag_seconds");
        Set.of("sent", "write", "flush", "replay").stream().filter(stage -> !lag.getOrDefault("stage", Set.of()).contains(stage)).forEach(stage -> missing.add("lag " + stage));
        return missing;
    }

    private static double value(String metric) {
        return seen.samples().stream().filter(sample -> sample.name().equals(metric)).mapToDouble(Exposition.Sample::value).findFirst().orElse(0);
    }

    @Test
    void prometheusHasNothingToSayAgainstWhatARelayShows() {
        assertEquals("", Promtool.run(text, "check", "metrics").orFail());
    }

    @Test
    void commitsThatWaitForTheRelayDoNotWaitLong() {
        assertTrue(value("walrelay_unacknowledged_age_seconds") < 5, () -> "%f s".formatted(value("walrelay_unacknowledged_age_seconds")));
    }

    @Test
    void everythingThatAnAlertAsksForIsThereAndIsNamedInItsText() throws IOException {
        List<String> missing = new ArrayList<>();
        for (Alerts.Alert alert : Alerts.read().all()) {
            PromQl expression = PromQl.of(alert.expression());
            if (expression.selectors().stream().allMatch(selector -> NOT_HERE.contains(selector.metric()))) {
                continue;
            }
            expression.missing(seen, placeholders("\\$labels\\.(\\w+)", alert.texts())).forEach(it -> missing.add(alert.name() + ": " + it));
            // Of one standby, slot, peer …: whoever is woken has to read which. The stage is in the expression.
            Set<String> own = new TreeSet<>(seen.labels(expression.selectors().getFirst().metric()).keySet());
            own.retainAll(Set.of("standby", "slot", "member", "peer", "setting"));
            own.stream().filter(label -> !alert.summary().contains("{{ $labels.%s }}".formatted(label))).forEach(label ->
                    missing.add("%s: its summary does not say which %s".formatted(alert.name(), label)));
        }
        assertEquals(List.of(), missing);
    }

    @Test
    void everythingThatTheDashboardAsksForIsThere() throws IOException {
        List<String> missing = new ArrayList<>();
        for (Dashboard.Query query : Dashboard.read().queries()) {
            PromQl.of(query.expression()).missing(seen, placeholders("\\{\\{\\s*(\\w+)\\s*}}", query.legend())).forEach(it -> missing.add(query.panel() + ": " + it));
        }
        assertEquals(List.of(), missing);
    }

    @Test
    void everyMetricThatTheManualNamesIsThere() throws IOException {
        Set<String> named = placeholders("`(walrelay_[a-z_]*[a-z])[`{\\s]", Files.readString(Path.of("../docs/operate.md")));
        assertTrue(named.size() > 50, named::toString);
        named.removeIf(name -> seen.names().contains(name) || seen.names().contains(name + "_count"));
        named.removeAll(NOT_HERE);
        assertEquals(Set.of(), named);
    }

    @Test
    void aSlipInAnExpressionWouldBeFound() {
        assertEquals(List.of("no metric walrelay_redy"), PromQl.of("walrelay_redy == 0").missing(seen, Set.of()));
        assertEquals(List.of("walrelay_ready has no label stage"), PromQl.of("walrelay_ready{stage=\"x\"}").missing(seen, Set.of()));
        assertEquals(List.of("walrelay_standby_lag_bytes{stage} is never replayed"), PromQl.of("walrelay_standby_lag_bytes{stage=\"replayed\"}").missing(seen, Set.of()));
        assertEquals(List.of("no label slot"), PromQl.of("sum by (slot) (walrelay_standby_lag_bytes)").missing(seen, Set.of("standby")));
        assertEquals(List.of("no label name"), PromQl.of("walrelay_ready").missing(seen, Set.of("name", "instance")));
    }

    private static Set<String> placeholders(String pattern, String text) {
        return Pattern.compile(pattern).matcher(text).results().map(m -> m.group(1)).collect(Collectors.toSet());
    }
}
