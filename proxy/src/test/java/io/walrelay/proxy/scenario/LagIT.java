package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.OsProcess;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the relay says about a standby that lags, beside what that standby says of itself at the same moment.
 *
 * <pre>
 *   primary ──▶ relay ──(1 s late)──▶ behind     applies what is two seconds old, and nothing while replay is paused
 *                 └─────────────────▶ stalled    its walreceiver is halted, so that the relay can't send
 * </pre>
 *
 * <p>A standby knows: what it wrote and flushed (pg_stat_wal_receiver), how long the last message was under way (there too), what it
 * replayed, and how old that was. Each is asked for before and after the relay is.
 */
@Tag("alone")
@Timeout(180)
final class LagIT {

    private static final Logger log = LoggerFactory.getLogger(LagIT.class);
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Duration STANDSTILL = Duration.ofSeconds(1);
    private static final double TOLERANCE = 0.1;
    private static final int SAMPLES = 20;
    private static final int ALMOST = 1 << 20;

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void lagIsWhatTheStandbyItselfSays(int version) throws SQLException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(version)).name("primary").start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).startReady();
                FaultProxy line = FaultProxy.to(relay.port());
                LocalPostgres behind = LocalPostgres.standbyOf(
                                primary, "host=127.0.0.1 port=%d user=postgres application_name=behind".formatted(line.port()))
                        .name("behind")
                        .set("recovery_min_apply_delay", "2s")
                        .start()) {
            assertEquals("2s", behind.query("SHOW recovery_min_apply_delay"));
            line.delay(FaultProxy.Direction.TO_CLIENT, Duration.ofSeconds(1));
            try (Drip load = Drip.on(primary, 2_000, 10);
                    Views views = new Views(primary, relay, behind)) {
                Await.until(
                        "the load to show in every lag",
                        LIMIT,
                        () -> views.relay().replaySeconds() > 1.9 && views.relay().writeSeconds() > 0.9 && views.standby().replaySeconds() > 1.9);
                List<Sample> steady = views.samples();
                assertAll(
                        () -> close("bytes to write", steady, View::writeBytes),
                        () -> close("bytes to flush", steady, View::flushBytes),
                        () -> close("bytes to replay", steady, View::replayBytes),
                        () -> close("seconds to write", steady, View::writeSeconds),
                        () -> close("seconds to flush", steady, View::flushSeconds),
                        () -> close("seconds to replay", steady, View::replaySeconds));

                behind.execute("SELECT pg_wal_replay_pause()");
                double before = views.standby().replaySeconds();
                Await.until("the replay to stand still", LIMIT, () -> views.standby().replaySeconds() > before + 1);
                List<Sample> paused = views.samples();
                assertAll(
                        () -> close("bytes to replay, paused", paused, View::replayBytes),
                        () -> close("seconds to replay, paused", paused, View::replaySeconds));
                assertTrue(paused.getLast().relay().replaySeconds() > paused.getFirst().relay().replaySeconds() + 1, paused::toString);
                assertTrue(paused.getLast().relay().replayBytes() > paused.getFirst().relay().replayBytes(), paused::toString);
                behind.execute("SELECT pg_wal_replay_resume()");
                load.stop();

                Lsn end = primary.flushedLsn();
                behind.awaitReplay(end, LIMIT);
                Await.until("no lag to be left", LIMIT, () -> views.relay().replayBytes() == 0);
                assertEquals(
                        behind.replayedLsn().value(), (long) metric(relay.metrics(), "position_bytes", "replay", "behind"), "replayed, as a number");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void whatIsNotSentYetIsWhatTheStandbyHasNotGot(int version) {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(version)).name("primary").start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).startReady();
                LocalPostgres stalled = LocalPostgres.standbyOf(primary, relay.conninfo("stalled")).name("stalled").start()) {
            ProcessHandle receiver = handle(Long.parseLong(stalled.query("SELECT pid FROM pg_stat_wal_receiver")));
            try (Drip load = Drip.on(primary, 80_000, 10)) {
                Await.until("the standby to follow", LIMIT, () -> sent(relay, "lag_seconds") < 0.5 && primary.flushedLsn().minus(stalled.replayedLsn()) < ALMOST);
                OsProcess.signal(receiver, "STOP");
                Await.until("the relay to be unable to send", LIMIT, () -> sent(relay, "lag_seconds"), seconds -> seconds > 10);
                load.stop();
            }
            Lsn end = primary.flushedLsn();
            RelayStatus.await("the relay to have all WAL", relay, LIMIT, status -> status.wal().orElseThrow().written().equals(end.toString()));
            double bytes = sent(relay, "lag_bytes");
            double seconds = sent(relay, "lag_seconds");
            Instant at = Instant.now();

            // The standby gets what is under way, and nothing more.
            OsProcess.signal(handle(relay.pid()), "STOP");
            OsProcess.signal(receiver, "CONT");
            Lsn received = awaitStandstill(stalled);
            double theirBytes = end.minus(received);
            double theirSeconds = Double.parseDouble(
                    stalled.query("SELECT extract(epoch FROM timestamptz '%s' - pg_last_xact_replay_timestamp())".formatted(at)));
            log.info("not sent: {} bytes, {} s; the standby lacks {} bytes, {} s", bytes, seconds, theirBytes, theirSeconds);
            assertEquals(theirBytes, bytes, theirBytes * TOLERANCE, "bytes not sent");
            assertEquals(theirSeconds, seconds, theirSeconds * TOLERANCE, "seconds not sent");

            OsProcess.signal(handle(relay.pid()), "CONT");
            stalled.awaitReplay(end, LIMIT);
            Await.until("everything to be sent", LIMIT, () -> sent(relay, "lag_bytes") == 0 && sent(relay, "lag_seconds") == 0);
        }
    }

    private static ProcessHandle handle(long pid) {
        return ProcessHandle.of(pid).orElseThrow(() -> new AssertionError("no process " + pid));
    }

    /** What the standby has when it gets nothing more, all of it replayed. */
    private static Lsn awaitStandstill(LocalPostgres standby) {
        AtomicReference<Lsn> last = new AtomicReference<>(Lsn.INVALID);
        AtomicReference<Long> since = new AtomicReference<>(System.nanoTime());
        Await.until("what the standby receives to stand still", LIMIT, () -> {
            Lsn received = Lsn.parse(standby.query("SELECT pg_last_wal_receive_lsn()"));
            if (!received.equals(last.getAndSet(received))) {
                since.set(System.nanoTime());
            }
            // The last record may have come in part.
            boolean replayed = received.minus(standby.replayedLsn()) < ALMOST;
            return replayed && System.nanoTime() - since.get() > STANDSTILL.toNanos();
        });
        return last.get();
    }

    private static double sent(RelayProcess relay, String name) {
        return metric(relay.metrics(), name, "sent", "stalled");
    }

    /** Half of the samples at least have to be as the standby says: a test machine is held up now and then, a wrong relay always. */
    private static void close(String what, List<Sample> samples, ToDoubleFunction<View> value) {
        List<Double> off = samples.stream().map(sample -> sample.off(value)).sorted().toList();
        double median = off.get(off.size() / 2);
        Sample first = samples.getFirst();
        String text = String.format(
                Locale.ROOT,
                "%s: off by %.1f %% in the median, %.1f %% at most; first: relay %.3f, standby %.3f to %.3f",
                what,
                median * 100,
                off.getLast() * 100,
                value.applyAsDouble(first.relay()),
                value.applyAsDouble(first.before()),
                value.applyAsDouble(first.after()));
        log.info("{}", text);
        assertTrue(median <= TOLERANCE, text);
        assertTrue(value.applyAsDouble(first.before()) > 0, text);
    }

    /** How far a standby is behind, by one of the two that can tell. */
    private record View(double writeBytes, double flushBytes, double replayBytes, double writeSeconds, double flushSeconds, double replaySeconds) {}

    /** The relay's view between two of the standby's own. */
    private record Sample(View before, View relay, View after) {

        /** How far the relay is from what the standby said before and after, as a part of that. */
        double off(ToDoubleFunction<View> value) {
            double low = Math.min(value.applyAsDouble(before), value.applyAsDouble(after));
            double high = Math.max(value.applyAsDouble(before), value.applyAsDouble(after));
            double seen = value.applyAsDouble(relay);
            double outside = Math.max(0, Math.max(low - seen, seen - high));
            return outside / ((low + high) / 2);
        }
    }

    /** Asks both sides, over connections that are open already. */
    private static final class Views implements AutoCloseable {

        private final RelayProcess relay;
        private final Connection primary;
        private final Connection standby;
        private final PreparedStatement end;
        private final PreparedStatement own;

        Views(LocalPostgres primary, RelayProcess relay, LocalPostgres standby) throws SQLException {
            this.relay = relay;
            this.primary = primary.connect();
            this.standby = standby.connect();
            this.end = this.primary.prepareStatement("SELECT pg_current_wal_flush_lsn()");
            this.own = this.standby.prepareStatement(
                    """
                    SELECT written_lsn, pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(),
                           extract(epoch FROM last_msg_receipt_time - last_msg_send_time),
                           extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
                      FROM pg_stat_wal_receiver""");
        }

        List<Sample> samples() throws SQLException {
            List<Sample> samples = new ArrayList<>();
            for (int i = 0; i < SAMPLES; i++) {
                samples.add(new Sample(standby(), relay(), standby()));
                // The standby reports many times meanwhile, so that each sample is another.
                Lsn next = end().plus(20_000);
                Await.until("more WAL", LIMIT, () -> end().isAtLeast(next));
            }
            return samples;
        }

        View relay() {
            String metrics = relay.metrics();
            return new View(
                    metric(metrics, "lag_bytes", "write", "behind"),
                    metric(metrics, "lag_bytes", "flush", "behind"),
                    metric(metrics, "lag_bytes", "replay", "behind"),
                    metric(metrics, "lag_seconds", "write", "behind"),
                    metric(metrics, "lag_seconds", "flush", "behind"),
                    metric(metrics, "lag_seconds", "replay", "behind"));
        }

        View standby() throws SQLException {
            Lsn end = end();
            try (ResultSet row = own.executeQuery()) {
                assertTrue(row.next(), "the standby streams");
                double underWay = row.getDouble(4);
                return new View(
                        end.minus(Lsn.parse(row.getString(1))),
                        end.minus(Lsn.parse(row.getString(2))),
                        end.minus(Lsn.parse(row.getString(3))),
                        underWay,
                        underWay,
                        row.getDouble(5));
            }
        }

        private Lsn end() throws SQLException {
            try (ResultSet row = end.executeQuery()) {
                assertTrue(row.next());
                return Lsn.parse(row.getString(1));
            }
        }

        @Override
        public void close() throws SQLException {
            primary.close();
            standby.close();
        }
    }

    /** A series of a standby; -1 while it is not there. */
    private static double metric(String metrics, String name, String stage, String standby) {
        Pattern line = Pattern.compile(
                "^walrelay_standby_%s\\{(?=[^}]*stage=\"%s\")(?=[^}]*standby=\"%s\")[^}]*} (\\S+)$".formatted(name, stage, standby), Pattern.MULTILINE);
        Matcher found = line.matcher(metrics);
        return found.find() ? Double.parseDouble(found.group(1)) : -1;
    }
}
