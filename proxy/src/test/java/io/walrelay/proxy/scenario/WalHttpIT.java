package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.ClusterSetup;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** PostgreSQL recovers from a base backup and nothing but files that it fetches from the relay by their names. */
@Timeout(180)
@ParameterizedClass
@ValueSource(ints = {15, 18})
final class WalHttpIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Programs programs;

    @TempDir
    private Path directory;

    WalHttpIT(int version) {
        programs = Programs.version(version);
    }

    /** A copy without any WAL that will recover from the relay and from nowhere else. */
    private LocalPostgres copy(LocalPostgres primary, String name, String signal, RelayProcess relay, String parameters) {
        boolean standby = signal.equals("standby.signal");
        ClusterSetup.Copier backup = (source, target) -> {
            programs.run(LIMIT, "pg_basebackup", "-X", "none", "--checkpoint=fast", "--no-sync", "-D", target.toString(), "-d", source.conninfo()).orFail();
            Files.createFile(target.resolve(signal));
        };
        return LocalPostgres.standbyOf(primary, "")
                .name(name)
                .copiedBy(backup)
                .set("restore_command", fetch(relay, parameters, standby ? 1 : 126))
                .set("recovery_target_timeline", "latest")
                .create();
    }

    /** @param couldNotLook the status for an answer that proves nothing: above 125 it stops a recovery, which would end early otherwise */
    private static String fetch(RelayProcess relay, String parameters, int couldNotLook) {
        String url = "%s/wal/%%f?%s".formatted(relay.url(), parameters);
        return "case $(curl -sf --max-time 60 -o \"%%p\" -w \"%%%%{http_code} %%%%header{x-walrelay-absent}\" \"%s\") in \"200 \") exit 0;; \"404 %%f\") exit 1;; *) exit %d;; esac"
                .formatted(url, couldNotLook);
    }

    private LocalPostgres primary() {
        return LocalPostgres.of(programs.server()).name("primary").segmentSize(new SegmentSize(1 << 20)).start();
    }

    private static void write(LocalPostgres server, int rows) {
        try (Ledger ledger = Ledger.on(server, 8_000)) {
            Ledger.awaitRow(ledger.confirmed() + rows, server, LIMIT);
            ledger.stop();
        }
    }

    private static void awaitPromoted(LocalPostgres server) {
        Await.until(server.name() + " to end its recovery", LIMIT, () -> server.query("SELECT pg_is_in_recovery()"), "f"::equals);
    }

    private static void awaitRelayHas(RelayProcess relay, LocalPostgres server) {
        Lsn end = server.flushedLsn();
        RelayStatus.awaitStreaming(relay, server, LIMIT);
        RelayStatus.await(
                "the relay to have %s up to %s".formatted(server.name(), end), relay, LIMIT, s -> s.wal().map(wal -> Lsn.parse(wal.written()).isAtLeast(end)).orElse(false));
    }

    @Test
    void recoversToTheLastByteThatTheRelayGot() {
        try (LocalPostgres primary = primary();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).start()) {
            relay.awaitReady(LIMIT);
            write(primary, 50);
            try (LocalPostgres recovered = copy(primary, "recovered", "recovery.signal", relay, "mode=pitr&partial=pad")) {
                write(primary, 500);
                awaitRelayHas(relay, primary);
                String expected = Ledger.fingerprint(primary);
                primary.kill();

                recovered.start();
                awaitPromoted(recovered);
                assertEquals(expected, Ledger.fingerprint(recovered));
                assertTrue(recovered.log().contains("restored log file"), recovered::log);
                assertTrue(relay.metrics().contains("walrelay_wal_file_requests_total{outcome=\"found\",tier=\"disk\"}"), relay::metrics);
            }
        }
    }

    /**
     * <pre>
     *   1  primary ──●────────●─────────────●╳
     *   2            └ wrong ─╳ given up     │      the number is free again
     *   2                                    └ right ────
     * </pre>
     *
     * <p>Whoever asks for the latest timeline follows right, also one that asked all the while; who names the other gets that.
     */
    @Test
    void latestIsTheRightOneOfTwoTimelinesWithOneNumber() throws Exception {
        try (LocalPostgres primary = primary();
                LocalPostgres wrong = LocalPostgres.standbyOf(primary, primary.conninfo()).name("wrong").start();
                LocalPostgres right = LocalPostgres.standbyOf(primary, primary.conninfo()).name("right").start();
                RelayProcess relay = RelayProcess.of(
                                "host=127.0.0.1,127.0.0.1,127.0.0.1 port=%d,%d,%d user=postgres".formatted(primary.port(), wrong.port(), right.port()),
                                "relay",
                                directory.resolve("data"))
                        .start()) {
            relay.awaitReady(LIMIT);
            write(primary, 50);
            try (LocalPostgres follower = copy(primary, "follower", "standby.signal", relay, "mode=standby&wait=1s");
                    LocalPostgres latest = copy(primary, "latest", "recovery.signal", relay, "mode=pitr&partial=pad");
                    LocalPostgres inspected = copy(primary, "inspected", "recovery.signal", relay, "")) {
                write(primary, 200);
                Ledger.assertEqualOn(primary, LIMIT, wrong, right);
                wrong.promote();
                follow(relay, wrong);
                wrong.execute("CREATE TABLE only_on_the_wrong_one ()");
                write(wrong, 200);
                awaitRelayHas(relay, wrong);
                TimelineHistory lost = TimelineHistory.parse(new TimelineId(2), relay.get("/wal/00000002.history").body());
                String wrongLedger = Ledger.fingerprint(wrong);

                write(primary, 100);
                follow(relay, primary);
                awaitRelayHas(relay, primary);
                assertEquals(404, relay.get("/wal/00000002.history").statusCode());
                follower.start();
                write(primary, 100);
                Ledger.assertEqualOn(primary, LIMIT, right);
                awaitRelayHas(relay, primary);
                primary.kill();
                right.promote();
                follow(relay, right);
                write(right, 200);
                right.execute("SELECT pg_switch_wal()", "CREATE TABLE something_more ()");
                awaitRelayHas(relay, right);
                TimelineHistory kept = TimelineHistory.parse(new TimelineId(2), relay.get("/wal/00000002.history").body());
                assertTrue(kept.begin().isAfter(lost.begin()), () -> "%s and %s".formatted(kept.id(), lost.id()));

                Ledger.awaitRow(Ledger.rows(right), follower, LIMIT);
                assertEquals(Ledger.fingerprint(right), Ledger.fingerprint(follower));
                assertFalse(follower.log().contains("FATAL"), follower::log);

                latest.start();
                awaitPromoted(latest);
                assertEquals(Ledger.fingerprint(right), Ledger.fingerprint(latest));
                assertEquals("0", latest.query("SELECT count(*) FROM pg_class WHERE relname = 'only_on_the_wrong_one'"));

                assertEquals(409, relay.get("/wal/00000002.history?mode=rewind").statusCode(), "two lineages have the number");
                inspected.set("restore_command", fetch(relay, "mode=pitr&partial=pad&timeline=2@" + lost.begin(), 126));
                inspected.start();
                awaitPromoted(inspected);
                assertEquals(wrongLedger, Ledger.fingerprint(inspected));
                assertEquals("1", inspected.query("SELECT count(*) FROM pg_class WHERE relname = 'only_on_the_wrong_one'"));
            }
        }
    }

    private static void follow(RelayProcess relay, LocalPostgres server) throws IOException {
        HttpRequest order = HttpRequest.newBuilder(URI.create(relay.url() + "/api/v1/upstream"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"follow\": \"127.0.0.1:%d\"}".formatted(server.port())))
                .build();
        try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            assertEquals(202, client.send(order, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8)).statusCode());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UncheckedIOException(new IOException("interrupted", e));
        }
    }
}
