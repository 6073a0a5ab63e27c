package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.proxy.testkit.WalrelayCommand;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A primary whose commits wait for the relay, and a relay that waits for its standbys.
 *
 * <pre>
 *   primary ──▶ relay (acknowledge: …) ──▶ a, b
 *      ▲  lesser of ours and theirs  │
 *      └─────────────────────────────┘
 * </pre>
 */
@Timeout(180)
final class AcknowledgePolicyIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);

    @TempDir
    private Path directory;

    /** Commits of sessions that say so wait for the relay. */
    private static LocalPostgres primary(int version) {
        LocalPostgres primary = LocalPostgres.of(Servers.version(version))
                .segmentSize(SEGMENT)
                .set("min_wal_size", "2MB")
                .set("max_wal_size", "2MB")
                .set("autovacuum", "off")
                .set("synchronous_standby_names", "relay")
                .set("synchronous_commit", "local")
                .name("primary")
                .start();
        primary.execute("CREATE ROLE walrelay LOGIN REPLICATION", "REVOKE EXECUTE ON FUNCTION pg_replication_slot_advance(name, pg_lsn) FROM PUBLIC");
        return primary;
    }

    private RelayProcess relay(LocalPostgres primary, String policy, String slotFollows) throws Exception {
        RelayProcess relay = RelayProcess.of(primary.conninfo().replace("user=postgres", "user=walrelay"), "relay", directory.resolve("data"))
                .with("WALRELAY_UPSTREAM_ACKNOWLEDGE", policy)
                .with("WALRELAY_UPSTREAM_SLOT_FOLLOWS", slotFollows)
                .start();
        relay.awaitReady(LIMIT);
        for (String slot : List.of("a", "b")) {
            try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
                HttpRequest put = HttpRequest.newBuilder(URI.create(relay.url() + "/api/v1/slots/" + slot))
                        .header("Content-Type", "application/json")
                        .PUT(HttpRequest.BodyPublishers.ofString("{\"reserve_wal\": true}"))
                        .build();
                assertEquals(200, client.send(put, HttpResponse.BodyHandlers.ofString()).statusCode());
            }
        }
        return relay;
    }

    private static LocalPostgres standby(LocalPostgres primary, RelayProcess relay, String name) {
        return LocalPostgres.standbyOf(primary, relay.conninfo(name)).name(name).slot(name).copyWal().start();
    }

    private static void awaitConnected(RelayProcess relay, String... names) {
        RelayStatus.await("%s to be connected".formatted(List.of(names)), relay, LIMIT, status -> status.acknowledge().orElseThrow().members().stream()
                .filter(StatusReport.Member::connected)
                .map(StatusReport.Member::name)
                .toList()
                .equals(List.of(names)));
    }

    private static CompletableFuture<Void> commit(LocalPostgres primary, String mode) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> {
            try (Connection connection = primary.connect();
                    Statement statement = connection.createStatement()) {
                statement.execute("SET synchronous_commit = " + mode);
                statement.execute("INSERT INTO t VALUES ('%s')".formatted(mode));
                done.complete(null);
            } catch (SQLException e) {
                done.completeExceptionally(e);
            }
        });
        return done;
    }

    private static void commits(LocalPostgres primary, String mode) throws Exception {
        commit(primary, mode).get(20, TimeUnit.SECONDS);
    }

    private static void awaitWaiting(LocalPostgres primary, int commits) {
        Await.until(
                "%d commits to wait".formatted(commits),
                LIMIT,
                () -> primary.query("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"),
                String.valueOf(commits)::equals);
    }

    private static void awaitWaitedFor(RelayProcess relay, String... names) {
        RelayStatus.await(
                "commits to wait for %s".formatted(List.of(names)),
                relay,
                LIMIT,
                status -> status.acknowledge().orElseThrow().commitsWaitFor().equals(List.of(names)));
    }

    /**
     * <pre>
     *   any 1 (a, b)   a ═══════════════╳──────────────────────────────────
     *                  b ═══════════════════ paused ══ resumed ══╳═════════
     *   commits          write on apply      on, not apply  apply  - waits -  come
     * </pre>
     */
    @Test
    void commitsWaitForWhatOneOfTwoStandbysHasWrittenFlushedAndReplayed() throws Exception {
        try (LocalPostgres primary = primary(15);
                RelayProcess relay = relay(primary, "any 1 (a, b)", "acknowledged");
                LocalPostgres a = standby(primary, relay, "a");
                LocalPostgres b = standby(primary, relay, "b")) {
            primary.execute("CREATE TABLE t (mode text)");
            awaitConnected(relay, "a", "b");
            for (String mode : List.of("remote_write", "on", "remote_apply")) {
                commits(primary, mode);
            }
            assertTrue(Long.parseLong(a.query("SELECT count(*) FROM t")) + Long.parseLong(b.query("SELECT count(*) FROM t")) >= 3, "remote_apply came too early");

            a.kill();
            awaitConnected(relay, "b");
            b.execute("SELECT pg_wal_replay_pause()");
            Await.until("replay to pause", LIMIT, () -> b.query("SELECT pg_get_wal_replay_pause_state()"), "paused"::equals);
            commits(primary, "on");
            commits(primary, "remote_write");
            CompletableFuture<Void> applied = commit(primary, "remote_apply");
            awaitWaiting(primary, 1);
            commits(primary, "on");
            assertFalse(applied.isDone(), "b has replayed nothing of it");
            b.execute("SELECT pg_wal_replay_resume()");
            applied.get(20, TimeUnit.SECONDS);

            b.kill();
            awaitConnected(relay);
            List<CompletableFuture<Void>> waiting = List.of(commit(primary, "remote_write"), commit(primary, "on"), commit(primary, "remote_apply"));
            awaitWaiting(primary, 3);
            awaitWaitedFor(relay, "a", "b");
            assertTrue(waiting.stream().noneMatch(CompletableFuture::isDone));
            assertTrue(relay.log().contains("commits wait for \"a\", \"b\" to have flushed "), relay::log);
            assertEquals(1, ArchiveIT.metric(relay, "walrelay_acknowledge_commits_waiting"));
            b.start();
            for (CompletableFuture<Void> commit : waiting) {
                commit.get(30, TimeUnit.SECONDS);
            }
            awaitWaitedFor(relay);
            Await.until("the log to say so", LIMIT, relay::log, log -> log.contains("commits wait no longer for \"a\", \"b\""));
        }
    }

    /**
     * <pre>
     *   all (a, b), slot-follows: own     b ════╳──────────────────────────────═══════╳
     *   primary    commit waits ──────────────────────────────────────────────▶ comes   stops
     *              its pg_wal   8 segments are written, few are kept
     *   relay                                     ╳ kill -9, and there again: acknowledges no more than b had
     * </pre>
     */
    @Test
    void aMemberThatIsAwayHoldsCommitsAndNotThePrimarysDisk() throws Exception {
        try (LocalPostgres primary = primary(18);
                RelayProcess relay = relay(primary, "all (a, b)", "own");
                LocalPostgres a = standby(primary, relay, "a");
                LocalPostgres b = standby(primary, relay, "b")) {
            primary.execute("CREATE TABLE t (mode text)", "CREATE TABLE filler (x text)");
            awaitConnected(relay, "a", "b");
            commits(primary, "remote_apply");
            RelayStatus.await(
                    "the relay to say why its slot is not moved on",
                    relay,
                    LIMIT,
                    status -> status.upstream().problem().orElse("").contains("permission denied for function pg_replication_slot_advance"));
            primary.execute("GRANT EXECUTE ON FUNCTION pg_replication_slot_advance(name, pg_lsn) TO walrelay");
            b.kill();
            awaitConnected(relay, "a");
            Lsn before = primary.flushedLsn();
            CompletableFuture<Void> waiting = commit(primary, "on");
            awaitWaiting(primary, 1);
            awaitWaitedFor(relay, "b");
            for (int segment = 0; segment < 8; segment++) {
                primary.execute("INSERT INTO filler SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 12000)", "SELECT pg_switch_wal()");
            }
            Lsn end = primary.flushedLsn();
            Await.until("the relay's slot to follow", LIMIT, () -> restart(primary), at -> at.isAtLeast(end.plus(-2L * SEGMENT.bytes())));
            primary.execute("CHECKPOINT");
            long kept = Long.parseLong(primary.query("SELECT count(*) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"));
            assertTrue(kept < 5, () -> "%d segments in the primary's pg_wal".formatted(kept));
            assertTrue(reported(primary).isAtMost(before), () -> "%s was reported, and b had at most %s".formatted(reported(primary), before));

            relay.kill();
            Await.until("the walsender to end", LIMIT, () -> primary.query("SELECT count(*) FROM pg_stat_replication"), "0"::equals);
            relay.start();
            awaitConnected(relay, "a");
            RelayStatus.await("the relay to have it all", relay, LIMIT, status -> status.wal().isPresent() && Lsn.parse(status.wal().get().flushed()).isAtLeast(end));
            awaitWaitedFor(relay, "b");
            assertFalse(waiting.isDone());
            assertTrue(reported(primary).isAtMost(before), () -> "%s was reported, and b had at most %s".formatted(reported(primary), before));
            assertTrue(reported(primary).isValid(), "b's slot has remembered nothing");

            b.start();
            waiting.get(30, TimeUnit.SECONDS);
            commits(primary, "remote_apply");
            assertEquals(List.of("2", "2"), List.of(a.query("SELECT count(*) FROM t WHERE mode = 'remote_apply'"), b.query("SELECT count(*) FROM t WHERE mode = 'remote_apply'")));

            b.kill();
            awaitConnected(relay, "a");
            long begin = System.nanoTime();
            primary.stop(LocalPostgres.StopMode.FAST);
            Duration took = Duration.ofNanos(System.nanoTime() - begin);
            assertTrue(took.toSeconds() < 10, () -> "the primary waited %s for a standby that is away".formatted(took));
            assertPromotable(relay);
        }
    }

    private static Lsn restart(LocalPostgres primary) {
        return Lsn.parse(primary.query("SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = 'relay'"));
    }

    /** What the relay told the primary it has flushed. */
    private static Lsn reported(LocalPostgres primary) {
        return Lsn.parse(primary.query("SELECT coalesce(flush_lsn, '0/0') FROM pg_stat_replication WHERE application_name = 'relay'"));
    }

    private static void assertPromotable(RelayProcess relay) throws Exception {
        HttpResponse<String> answer = Await.until(
                "a to have all that was acknowledged", LIMIT, () -> relay.get("/api/v1/standbys/a/promotable"), seen -> seen.statusCode() == 200);
        String acknowledged = RelayStatus.acknowledged(RelayStatus.of(relay)).toString();
        assertTrue(answer.body().contains("\"acknowledged\":\"%s\"".formatted(acknowledged)), answer::body);
        assertEquals(404, relay.get("/api/v1/standbys/nobody/promotable").statusCode());
        Programs.Result status = WalrelayCommand.run(LIMIT, Map.of(), "status", "--acknowledged", "--url", relay.url());
        assertEquals(acknowledged, status.orFail().strip());
        Programs.Result json = WalrelayCommand.run(LIMIT, Map.of(), "status", "--acknowledged", "--format", "json", "--url", relay.url());
        assertTrue(json.orFail().startsWith("{\"acknowledged\":\"%s\",\"lineage\":\"1@".formatted(acknowledged)), json::output);
    }
}
