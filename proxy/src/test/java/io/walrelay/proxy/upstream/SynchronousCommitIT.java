package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.acknowledge.MemberSession;
import io.walrelay.proxy.acknowledge.Positions;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Commits that wait for the relay. */
@Timeout(90)
class SynchronousCommitIT {

    /** A commit that waited for the background's flush, every 10 ms, would wait longer. */
    private static final Duration QUICK = Duration.ofMillis(8);

    private static final int COMMITS = 100;

    @TempDir
    private Path directory;

    private static void sync(LocalPostgres primary, String names) {
        primary.set("synchronous_standby_names", names);
        primary.reload();
        Await.until("the setting to count", TestLink.SOON, () -> primary.query("SHOW synchronous_standby_names"), names::equals);
    }

    private static void awaitSync(LocalPostgres primary) {
        Await.until(
                "the relay to be a synchronous standby",
                TestLink.SOON,
                () -> primary.query("SELECT coalesce(max(sync_state), 'none') FROM pg_stat_replication"),
                state -> state.equals("sync") || state.equals("quorum"));
    }

    private static Duration commit(LocalPostgres primary, int times) throws SQLException {
        try (Connection connection = primary.connect();
                Statement statement = connection.createStatement()) {
            long begin = System.nanoTime();
            for (int i = 0; i < times; i++) {
                statement.execute("INSERT INTO t VALUES (" + i + ")");
            }
            return Duration.ofNanos(System.nanoTime() - begin);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void commitsWaitForTheRelaysDiskAndNoLonger(int major) throws IOException, SQLException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(major)).start();
                TestLink relay = TestLink.start(directory.resolve("data"), TestLink.of(primary))) {
            relay.awaitStreaming();
            primary.execute("CREATE TABLE t (i int)");
            // Changed while the relay streams: it looks from time to time.
            sync(primary, "FIRST 1 (\"relay_1\")");
            awaitSync(primary);
            Await.until(
                    COMMITS + " commits to be quick",
                    TestLink.SOON,
                    () -> commit(primary, COMMITS),
                    took -> took.compareTo(QUICK.multipliedBy(COMMITS)) < 0);
            assertTrue(relay.assertSameWal(primary) >= 1);
        }
    }

    @Test
    void commitsHangWhileTheRelayIsGoneAndGoOnWhenItIsBack() throws Exception {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                RelayProcess relay = RelayProcess.of(TestLink.of(primary), "relay_1", directory.resolve("data")).start()) {
            primary.execute("CREATE TABLE t (i int)");
            sync(primary, "relay_1");
            awaitSync(primary);
            commit(primary, 10);
            relay.kill();
            CompletableFuture<Duration> waiting = CompletableFuture.supplyAsync(() -> {
                try {
                    return commit(primary, 1);
                } catch (SQLException e) {
                    throw new IllegalStateException(e);
                }
            });
            Await.until(
                    "the commit to wait", TestLink.SOON, () -> primary.query("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"), "1"::equals);
            assertThrows(TimeoutException.class, () -> waiting.get(500, TimeUnit.MILLISECONDS));
            assertFalse(waiting.isDone());

            relay.start();

            waiting.get(20, TimeUnit.SECONDS);
            assertEquals("11", primary.query("SELECT count(*) FROM t"));
        }
    }

    /**
     * <pre>
     *   slots on primary and standby   ═══ move to what a confirmed ═══│ stay ──────────────│═══ move on
     *   relay                                                     restart   a is further behind
     * </pre>
     */
    @Test
    void slotsAreNotMovedBackToWhatAStandbyHasAfterARestart() throws IOException {
        Path data = directory.resolve("data");
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo()).copyWal().set("log_connections", "on").start()) {
            Lsn first;
            Lsn moved;
            try (TestLink relay = TestLink.acknowledging("all (a)", data, TestLink.of(primary, standby))) {
                relay.awaitStreaming();
                first = primary.flushedLsn();
                primary.execute("CREATE TABLE t (i int)");
                moved = primary.flushedLsn();
                confirm(relay, moved);
                awaitSlot(primary, moved);
                awaitSlot(standby, moved);
            }
            try (TestLink relay = TestLink.acknowledging("all (a)", data, TestLink.of(primary, standby))) {
                relay.awaitStreaming();
                confirm(relay, first);
                Await.until("the relay to say what a has", TestLink.SOON, () -> reported(primary, "write_lsn"), first.toString()::equals);
                assertEquals("none", reported(primary, "flush_lsn"));
                long before = visits(standby);
                Await.until("the relay to look at the standby", TestLink.SOON, () -> visits(standby), seen -> seen > before + 1);
                assertEquals(moved, slot(primary));
                assertEquals(moved, slot(standby));
                primary.execute("INSERT INTO t VALUES (1)");
                Lsn end = primary.flushedLsn();
                confirm(relay, end);
                awaitSlot(primary, end);
                awaitSlot(standby, end);
            }
        }
    }

    @Test
    void saysWhenUpstreamKeepsMuchWalForAStandbyThatIsAway() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).segmentSize(new SegmentSize(1 << 20)).start();
                TestLink relay = TestLink.acknowledging("all (a)", directory.resolve("data"), TestLink.of(primary))) {
            relay.awaitStreaming();
            primary.execute("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1 << 20)) FROM generate_series(1, 66)");
            relay.awaitProblem("MB, for standbys of upstream.acknowledge that are away and have not confirmed it: \"a\"");
            confirm(relay, primary.flushedLsn());
            Await.until("it to be over", TestLink.SOON, () -> relay.state.upstream().problem(), Optional::isEmpty);
        }
    }

    private static void confirm(TestLink relay, Lsn position) {
        Await.until("the relay to have " + position, TestLink.SOON, () -> relay.cache().end().acknowledgeable(), end -> end.isAtLeast(position));
        MemberSession a = relay.state.acknowledging().join(1, Optional.of("a"), "a");
        a.confirmed(relay.cache().end().lineage(), true, new Positions(position, position, position));
    }

    private static void awaitSlot(LocalPostgres host, Lsn position) {
        Await.until("the slot to be at " + position, TestLink.SOON, () -> slot(host), position::equals);
    }

    private static Lsn slot(LocalPostgres host) {
        return Lsn.parse(host.query("SELECT coalesce(max(restart_lsn), '0/0') FROM pg_replication_slots WHERE slot_name = 'relay_1'"));
    }

    private static long visits(LocalPostgres host) {
        return host.log().lines().filter(line -> line.contains("replication connection authorized")).count();
    }

    private static String reported(LocalPostgres primary, String column) {
        return primary.query("SELECT coalesce(max(%s)::text, 'none') FROM pg_stat_replication WHERE application_name = 'relay_1'".formatted(column));
    }

    @Test
    void warnsOfRemoteApply() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).set("synchronous_commit", "remote_apply").start();
                TestLink relay = TestLink.start(directory.resolve("data"), TestLink.of(primary))) {
            relay.awaitStreaming();
            assertTrue(relay.events().stream().noneMatch(e -> e.startsWith("remote-apply")), relay.events()::toString);
            sync(primary, "*");
            relay.awaitEvent("remote-apply");
            Await.until("the problem", TestLink.SOON, () -> relay.state.upstream().problem().orElse("none"), problem -> problem.contains("remote_apply"));
        }
    }
}
