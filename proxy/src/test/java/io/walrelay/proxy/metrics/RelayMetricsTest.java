package io.walrelay.proxy.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.config.SettingsSources;
import io.walrelay.proxy.shaping.Hold;
import io.walrelay.proxy.slotsync.SlotQuestion;
import io.walrelay.proxy.slotsync.SlotSync;
import io.walrelay.proxy.state.DelayCounts;
import io.walrelay.proxy.state.PeerStatus;
import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.Promtool;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Xmins;
import io.walrelay.wal.format.ServerParameters;
import io.walrelay.wal.format.WalLevel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RelayMetricsTest {

    /** 3 under 1 ms, 2 under 2 ms, 1 longer. */
    private static final DelayCounts PACING = new DelayCounts() {
        @Override
        public int buckets() {
            return 3;
        }

        @Override
        public Duration upperBound(int i) {
            return Duration.ofMillis(1L << i);
        }

        @Override
        public long count(int i) {
            return 3L - i;
        }

        @Override
        public Duration sum() {
            return Duration.ofMillis(9);
        }
    };

    private static final List<Refusal.Reason> REASONS = List.of(Refusal.Reason.values());

    @TempDir
    private Path directory;

    @Test
    void saysWhatTheStateSays() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            relay.state().cache().orElseThrow().reservations().timeOut(KnownRelay.NOW.minusSeconds(60));
            relay.state().feedback().heard(43, "c", new Xmins(FullTransactionId.of(0, 800), FullTransactionId.INVALID));
            relay.state().cache().orElseThrow().hotStandby().told(new ServerParameters(123, 8, 10, 0, 64, WalLevel.REPLICA, false, false));
            Map<String, Double> series = series(new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING).scrape());
            Map<String, Double> expected = new TreeMap<>();
            expected.put("walrelay_ready", 1.0);
            expected.put("walrelay_wal_position_bytes{stage=\"received\"}", (double) 0x1010000);
            expected.put("walrelay_wal_position_bytes{stage=\"written\"}", (double) 0x1010000);
            expected.put("walrelay_wal_position_bytes{stage=\"flushed\"}", (double) 0x1010000);
            expected.put("walrelay_wal_position_bytes{stage=\"acknowledged\"}", (double) 0x100F000);
            expected.put("walrelay_wal_position_bytes{stage=\"oldest\"}", (double) 0x1000000);
            expected.put("walrelay_upstream_state{state=\"streaming\"}", 1.0);
            expected.put("walrelay_upstream_state{state=\"waiting\"}", 0.0);
            expected.put("walrelay_upstream_connected", 1.0);
            expected.put("walrelay_upstream_position_bytes", (double) 0x1011000);
            expected.put("walrelay_upstream_lag_bytes", 4096.0);
            expected.put("walrelay_upstream_last_message_age_seconds", 0.25);
            expected.put("walrelay_wal_received_bytes_total", 65_536.0);
            expected.put("walrelay_wal_sent_bytes_total", 49_152.0);
            expected.put("walrelay_forwarded_sessions", 1.0);
            expected.put("walrelay_forwarded_bytes_total{to=\"upstream\"}", 100.0);
            expected.put("walrelay_forwarded_bytes_total{to=\"client\"}", 2_000.0);
            expected.put("walrelay_sessions{state=\"streaming\"}", 1.0);
            expected.put("walrelay_sessions{state=\"catchup\"}", 0.0);
            expected.put("walrelay_standby_position_bytes{stage=\"replay\",standby=\"a\"}", (double) 0x100C000);
            expected.put("walrelay_standby_lag_bytes{stage=\"sent\",standby=\"a\"}", 0.0);
            expected.put("walrelay_standby_lag_bytes{stage=\"write\",standby=\"a\"}", 4096.0);
            expected.put("walrelay_standby_lag_bytes{stage=\"flush\",standby=\"a\"}", 8192.0);
            expected.put("walrelay_standby_lag_bytes{stage=\"replay\",standby=\"a\"}", 16_384.0);
            expected.put("walrelay_standby_lag_seconds{stage=\"sent\",standby=\"a\"}", 0.0);
            expected.put("walrelay_standby_lag_seconds{stage=\"flush\",standby=\"a\"}", 0.02);
            expected.put("walrelay_slot_retained_bytes{slot=\"b\"}", 32_768.0);
            expected.put("walrelay_slot_safe_bytes{slot=\"a\"}", 0.0);
            expected.put("walrelay_slot_safe_bytes{slot=\"b\"}", -16_384.0);
            expected.put("walrelay_slot_inactive_seconds{slot=\"b\"}", 60.0);
            expected.put("walrelay_slot_active{slot=\"a\"}", 1.0);
            expected.put("walrelay_slot_active{slot=\"b\"}", 0.0);
            expected.put("walrelay_slot_lost{slot=\"b\"}", 0.0);
            expected.put("walrelay_feedback_too_old{horizon=\"xmin\"}", 0.0);
            expected.put("walrelay_wal_parameter{name=\"max_connections\"}", 123.0);
            expected.put("walrelay_gaps", 0.0);
            expected.put("walrelay_acknowledged_orphaned", 0.0);
            expected.put("walrelay_cache_disk_bytes", 1_048_576.0);
            expected.put("walrelay_events_total{kind=\"connected\",severity=\"info\"}", 1.0);
            expected.put("walrelay_pacing_delay_seconds_bucket{le=\"0.001\"}", 3.0);
            expected.put("walrelay_pacing_delay_seconds_bucket{le=\"0.002\"}", 5.0);
            expected.put("walrelay_pacing_delay_seconds_bucket{le=\"+Inf\"}", 6.0);
            expected.put("walrelay_pacing_delay_seconds_sum", 0.009);
            expected.put("walrelay_process_start_time_seconds", KnownRelay.PROCESS.started().getEpochSecond() * 1.0);
            Map<String, Double> found = new TreeMap<>(series);
            found.keySet().retainAll(expected.keySet());
            assertEquals(expected, found);
            assertFalse(series.keySet().stream().anyMatch(name -> name.startsWith("walrelay_feedback_age")), "how far upstream is, is not known");
            assertFalse(series.containsKey("walrelay_slot_inactive_seconds{slot=\"a\"}"), "in use");
            assertFalse(series.containsKey("walrelay_standby_lag_seconds{stage=\"replay\",standby=\"a\"}"), "not measured");
        }
    }

    @Test
    void aStandbysSeriesGoWithItAndItsBytesStayCounted() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            RelayMetrics metrics = new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING);
            assertTrue(metrics.scrape().contains("standby=\"a\""));
            relay.state().standbys().leave(41);
            String after = metrics.scrape();
            assertFalse(after.contains("standby=\"a\""), after);
            assertEquals(49_152.0, series(after).get("walrelay_wal_sent_bytes_total"));
        }
    }

    @Test
    void standbysPastTheLimitShareASeries() {
        KnownRelay relay = KnownRelay.empty();
        for (int i = 0; i < ByName.LIMIT + 10; i++) {
            int pid = i;
            relay.state().standbys().join(pid, () -> KnownRelay.standby(pid, "standby-%05d".formatted(pid)));
        }
        Map<String, Double> series = series(new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING).scrape());
        assertEquals(10.0, series.get("walrelay_standby_sessions{standby=\"(others)\"}"));
        assertEquals(ByName.LIMIT + 1L, series.keySet().stream().filter(s -> s.startsWith("walrelay_standby_sessions{")).count());
    }

    @Test
    void standbysOfOneNameShareASeriesThatShowsTheLastOfThem() {
        KnownRelay relay = KnownRelay.empty();
        relay.state().standbys().join(1, () -> KnownRelay.standby(1, "walreceiver"));
        relay.state().standbys().join(2, () -> KnownRelay.standby(2, "walreceiver"));
        Map<String, Double> series = series(new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING).scrape());
        assertEquals(2.0, series.get("walrelay_standby_sessions{standby=\"walreceiver\"}"));
        assertEquals((double) 0x100C000, series.get("walrelay_standby_position_bytes{stage=\"replay\",standby=\"walreceiver\"}"));
    }

    @Test
    void aNameCannotBreakOutOfItsLabel() {
        KnownRelay relay = KnownRelay.empty();
        relay.state().standbys().join(1, () -> KnownRelay.standby(1, "x\"} 1\nwalrelay_ready 1\n"));
        String text = new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING).scrape();
        assertEquals(0.0, series(text).get("walrelay_ready"));
        assertTrue(text.contains("standby=\"x\\\"} 1\\nwalrelay_ready 1\\n\""), text);
    }

    @Test
    void countsEachFsync() {
        RelayMetrics metrics = new RelayMetrics(KnownRelay.empty().state(), KnownRelay.PROCESS, PACING);
        metrics.fsyncTook(Duration.ofMillis(1).toNanos());
        metrics.fsyncTook(Duration.ofMillis(3).toNanos());
        Map<String, Double> series = series(metrics.scrape());
        assertEquals(2.0, series.get("walrelay_wal_fsync_seconds_count"));
        assertEquals(0.004, series.getOrDefault("walrelay_wal_fsync_seconds_sum", Double.NaN), 1e-9);
        assertEquals(1.0, series.get("walrelay_wal_fsync_seconds_bucket{le=\"0.0016\"}"));
    }

    @Test
    void everyFamilyHasAHelpAndAType() {
        String text = new RelayMetrics(KnownRelay.empty().state(), KnownRelay.PROCESS, PACING).scrape();
        text.lines().filter(line -> line.startsWith("# TYPE ")).forEach(line -> {
            String name = line.split(" ", -1)[2];
            assertTrue(name.startsWith("walrelay_"), name);
            assertTrue(text.contains("# HELP " + name + " "), name);
            assertTrue(!line.endsWith(" counter") || name.endsWith("_total"), line);
        });
    }

    @Test
    void prometheusFindsNothingToComplainAbout() throws Exception {
        try (KnownRelay relay = KnownRelay.withArchive(directory.resolve("data"), Files.createDirectory(directory.resolve("archive")))) {
            relay.state().refused().note(refusal("c", Refusal.Reason.DIVERGED));
            relay.state().setNotReady("disk", "full");
            RelayMetrics metrics = new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING);
            metrics.show(settings());
            Programs.Result said = Promtool.run(metrics.scrape(), "check", "metrics");
            assertEquals("", said.orFail());
        }
    }

    @Test
    void showsLimitsDiskAndCertificatesOfTheSettings() throws Exception {
        RelayMetrics metrics = new RelayMetrics(KnownRelay.empty().state(), KnownRelay.PROCESS, PACING);
        metrics.show(settings());
        Map<String, Double> series = series(metrics.scrape());
        assertEquals(64.0 * (1 << 20), series.get("walrelay_cache_memory_limit_bytes"));
        assertEquals(3.0 * (1 << 30), series.get("walrelay_cache_disk_limit_bytes"));
        assertEquals(1_000.0, series.get("walrelay_sessions_limit"));
        assertEquals(750.0, series.get("walrelay_forwarded_sessions_limit"));
        assertTrue(series.getOrDefault("walrelay_disk_free_bytes", 0.0) <= series.getOrDefault("walrelay_disk_size_bytes", 0.0), series::toString);
        double end = series.getOrDefault("walrelay_certificate_expiry_timestamp_seconds{setting=\"listen.tls.cert\"}", 0.0);
        assertTrue(end > Instant.now().getEpochSecond(), () -> "valid until " + end);
        assertEquals(
                Set.of("listen.tls.cert", "listen.tls.client-ca"),
                Exposition.parse(metrics.scrape()).labels("walrelay_certificate_expiry_timestamp_seconds").get("setting"));
    }

    /** Said of slot reports, of a standby that calls itself as all do that say nothing. */
    @Test
    void whoIsHeldIsNamedAsItsLagIs() {
        KnownRelay relay = KnownRelay.empty();
        relay.state().standbys().join(1, () -> KnownRelay.standby(1, "walreceiver", "reports", Optional.of(new Hold(Hold.Why.PAUSED, Optional.empty()))));
        relay.state().standbys().join(2, () -> KnownRelay.standby(2, "b"));
        Map<String, Double> series = series(new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING).scrape());
        assertEquals(1.0, series.get("walrelay_standby_held{standby=\"walreceiver\",why=\"paused\"}"));
        assertEquals(0.0, series.get("walrelay_standby_held{standby=\"walreceiver\",why=\"delayed\"}"));
        assertEquals(0.0, series.get("walrelay_standby_held{standby=\"b\",why=\"paused\"}"));
        assertTrue(series.containsKey("walrelay_standby_position_bytes{stage=\"flush\",standby=\"walreceiver\"}"), series::toString);
    }

    @Test
    void whoIsLetInIsCountedWhateverItDoes() {
        KnownRelay relay = KnownRelay.empty();
        RelayMetrics metrics = new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING);
        assertTrue(relay.state().admitted().tryEnter(true, 3));
        assertTrue(relay.state().admitted().tryEnter(false, 2));
        assertFalse(relay.state().admitted().tryEnter(false, 2));
        assertTrue(relay.state().admitted().tryEnter(true, 3));
        assertEquals(2.0, series(metrics.scrape()).get("walrelay_sessions_admitted{kind=\"standby\"}"));
        assertEquals(1.0, series(metrics.scrape()).get("walrelay_sessions_admitted{kind=\"other\"}"));
        relay.state().admitted().leave(true);
        relay.state().admitted().leave(false);
        assertEquals(1.0, series(metrics.scrape()).get("walrelay_sessions_admitted{kind=\"standby\"}"));
        assertEquals(0.0, series(metrics.scrape()).get("walrelay_sessions_admitted{kind=\"other\"}"));
    }

    /** Where nobody uses failover slots it does not matter whether they can be read. */
    @Test
    void failoverSlotsThatNobodyWantsAreNotMissed() {
        KnownRelay relay = KnownRelay.empty();
        RelayMetrics metrics = new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING);
        relay.state().slotSync().looked(new SlotSync.Look(KnownRelay.NOW, Optional.of("permission denied")));
        assertFalse(metrics.scrape().contains("walrelay_failover_slots_"), metrics::scrape);
        var _ = relay.state().slotSync().ask(new SlotQuestion("a"), true, KnownRelay.NOW, _ -> {});
        assertEquals(0.0, series(metrics.scrape()).get("walrelay_failover_slots_readable"));
        assertEquals(1.0, series(metrics.scrape()).get("walrelay_slot_sync_refused"));
    }

    @Test
    void whatAlertsCountIsThereBeforeItHappens() {
        KnownRelay relay = KnownRelay.empty();
        RelayMetrics metrics = new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING);
        assertEquals(0.0, series(metrics.scrape()).get("walrelay_events_total{kind=\"fork\",severity=\"warning\"}"));
        relay.state().events().warning("fork", "timeline 2");
        assertEquals(1.0, series(metrics.scrape()).get("walrelay_events_total{kind=\"fork\",severity=\"warning\"}"));
        assertEquals(0.0, series(metrics.scrape()).get("walrelay_standby_refusals_total{reason=\"diverged\"}"));
    }

    @Test
    void saysWhyItIsNotReadyAndWhoWasSentAway() {
        KnownRelay relay = KnownRelay.empty();
        relay.state().setNotReady("disk", "full");
        relay.state().refused().note(refusal("c", Refusal.Reason.DIVERGED));
        relay.state().refused().note(refusal("stranger", Refusal.Reason.LOGIN));
        RelayMetrics metrics = new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING);
        Exposition seen = Exposition.parse(metrics.scrape());
        assertEquals(Set.of("disk", "no-wal"), seen.labels("walrelay_not_ready").get("reason"));
        assertEquals(30.0, series(metrics.scrape()).get("walrelay_standby_refused_age_seconds{reason=\"diverged\",standby=\"c\"}"));
        assertEquals(Set.of("c"), seen.labels("walrelay_standby_refused_age_seconds").get("standby"), "who did not log in is nobody");
        assertEquals(1.0, series(metrics.scrape()).get("walrelay_standby_refusals_total{reason=\"login\"}"));
        relay.state().refused().streams("c");
        assertFalse(metrics.scrape().contains("walrelay_standby_refused_age_seconds"), "it streams");
    }

    @Test
    void aRelayThatIsItsOwnPeerIsNotMissed() {
        KnownRelay relay = KnownRelay.empty();
        relay.state().update(PeerStatus.unknown("http://self:8433", KnownRelay.NOW).seen(PeerStatus.State.SELF, Optional.empty(), KnownRelay.NOW));
        relay.state().update(PeerStatus.unknown("http://b:8433", KnownRelay.NOW).seen(PeerStatus.State.AWAY, Optional.empty(), KnownRelay.NOW));
        Exposition seen = Exposition.parse(new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING).scrape());
        assertEquals(Set.of("http://b:8433"), seen.labels("walrelay_peer_up").get("peer"));
    }

    /** Ten thousand that come and go, each with a name of its own that would like to be more than a name. */
    @Test
    void hostileNamesCostNoMoreThanTheLimitAndStayNames() {
        KnownRelay relay = KnownRelay.empty();
        RelayMetrics metrics = new RelayMetrics(relay.state(), KnownRelay.PROCESS, PACING);
        List<String> tricks = List.of("\"} 1\n", "\\", "\n# TYPE walrelay_ready counter\n", "{le=\"", "\u2028\u202e", "\uD83D\uDE00", "\r\n", "\u0000", "' OR 1", "%s{}");
        for (int i = 0; i < 5 * ByName.LIMIT; i++) {
            int pid = i;
            String name = tricks.get(i % tricks.size()) + i;
            relay.state().standbys().join(pid, () -> KnownRelay.standby(pid, name));
            relay.state().refused().note(refusal(name, REASONS.get(i % REASONS.size())));
        }
        String text = metrics.scrape();
        assertEquals("", Promtool.run(text, "check", "metrics").orFail());
        Exposition seen = Exposition.parse(text);
        assertEquals(ByName.LIMIT + 1, seen.labels("walrelay_standby_sessions").getOrDefault("standby", Set.of()).size());
        assertTrue(seen.samples().size() < 15 * ByName.LIMIT, () -> "%d series".formatted(seen.samples().size()));
        assertTrue(text.length() < 5_000_000, () -> "%d characters".formatted(text.length()));
        assertEquals(0.0, series(text).get("walrelay_ready"));
        for (int pid = 0; pid < 5 * ByName.LIMIT; pid++) {
            relay.state().standbys().leave(pid);
        }
        assertTrue(metrics.scrape().length() < 100_000, "those who left take nothing");
    }

    private static Refusal refusal(String name, Refusal.Reason reason) {
        return new Refusal(
                KnownRelay.NOW.minusSeconds(30), reason, name, Optional.empty(), "repl", "10.0.0.7", Diagnostic.error("XX000", "no"), Optional.empty());
    }

    private Settings settings() throws Exception {
        Path tls = Files.createDirectories(directory.resolve("tls"));
        Certificates certificates = Certificates.in(tls);
        Certificates.Pair server = certificates.issue("relay");
        Map<String, String> environment = Map.of(
                "WALRELAY_LISTEN_TLS_CERT", server.certificate().toString(),
                "WALRELAY_LISTEN_TLS_KEY", server.key().toString(),
                "WALRELAY_LISTEN_TLS_CLIENT_CA", certificates.authority().toString(),
                "WALRELAY_CACHE_MEMORY", "64MB",
                "WALRELAY_CACHE_DISK", "3GB");
        Map<String, String> flags = Map.of("--upstream", "host=pg1 user=walrelay", "--data", directory.toString());
        return new SettingsSources(Optional.empty(), environment, flags, "h", 4L << 30).conclude();
    }

    /** The text format, as far as this relay uses it: a series and its value on each line that is no comment. */
    private static Map<String, Double> series(String text) {
        Map<String, Double> series = new TreeMap<>();
        // Names may have characters that lines() ends a line at; the format ends it at \n alone.
        Pattern.compile("\n").splitAsStream(text).filter(line -> !line.startsWith("#")).forEach(line -> {
            int space = line.lastIndexOf(' ');
            series.put(line.substring(0, space), Double.valueOf(line.substring(space + 1).replace("Inf", "Infinity")));
        });
        return series;
    }
}
