package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.LocalPostgres.StopMode;
import io.walrelay.proxy.state.FollowOrder;
import io.walrelay.proxy.state.UpstreamStatus.State;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Patroni says which of two primaries is the right one; both run, as after a partition:
 *
 * <pre>
 *   timeline 1  ────────┬───────▶ first, at 127.0.0.1
 *                       └──── timeline 2 ───▶ second, at 127.0.0.2
 * </pre>
 */
@Timeout(120)
class HintIT {

    @TempDir
    private Path directory;

    private final LocalPostgres first = LocalPostgres.of(Servers.version(15)).set("listen_addresses", "127.0.0.1,127.0.0.2").start();
    private final LocalPostgres second = LocalPostgres.standbyOf(first, first.conninfo()).copyWal().start();
    private final FakePatroni patroni = FakePatroni.of(first, second);

    HintIT() throws IOException {}

    @AfterEach
    void close() {
        patroni.close();
        second.close();
        first.close();
    }

    private TestLink relay(String hint) throws IOException {
        return TestLink.hinted(
                directory.resolve("data"), "host=127.0.0.1,127.0.0.2 port=%d,%d user=postgres sslmode=disable".formatted(first.port(), second.port()), hint);
    }

    /** Promotes the second server, which has all that the relay has; the first one goes on. */
    private void promoteSecond(TestLink relay) {
        first.execute("CREATE TABLE t (i int)");
        second.awaitReplay(relay.awaitAllOf(first), TestLink.SOON);
        second.promote();
        second.execute("INSERT INTO t VALUES (1)");
    }

    private static void awaitFollowing(TestLink relay, LocalPostgres server) {
        Await.until("the relay to follow the server at port " + server.port(), TestLink.SOON, relay.state::upstream, status ->
                status.state() == State.STREAMING && status.host().filter(h -> h.endsWith(":" + server.port())).isPresent());
    }

    private static void elapse(Duration time) {
        long begin = System.nanoTime();
        Await.until(time + " to pass", TestLink.SOON, () -> System.nanoTime() - begin >= time.toNanos());
    }

    @ParameterizedTest
    @ValueSource(strings = {"of each host", "of the cluster"})
    void followsASwitchOverAsSoonAsTheHintDoes(String kind) throws IOException {
        patroni.elect(first);
        try (TestLink relay = relay(kind.equals("of each host") ? patroni.primaryUrl() : patroni.clusterUrl())) {
            awaitFollowing(relay, first);
            promoteSecond(relay);
            relay.awaitEvent("upstream-note");
            awaitFollowing(relay, first);
            patroni.elect(second);
            relay.awaitAllOf(second);
            awaitFollowing(relay, second);
            assertEquals(new TimelineId(2), relay.cache().end().lineage().timeline());
            assertTrue(relay.state.notReady().isEmpty(), relay.state.notReady()::toString);
        }
    }

    @Test
    void aHintThatSaysNothingLeavesTheStreamAndDelaysNothingAndChoosesNobody() throws IOException {
        patroni.elect(first);
        try (TestLink relay = relay(patroni.primaryUrl())) {
            awaitFollowing(relay, first);
            promoteSecond(relay);
            patroni.silence(true);
            Await.until("the silence to be seen", TestLink.SOON, () -> relay.events().toString().contains("names no host"));
            String pid = first.query("SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'relay_1'");
            for (int i = 0; i < 5; i++) {
                first.execute("INSERT INTO t SELECT generate_series(1, 1000)");
                relay.awaitAllOf(first);
                elapse(TestLink.QUICK.look());
            }
            assertEquals(pid, first.query("SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'relay_1'"));

            first.stop(StopMode.FAST);
            relay.awaitProblem("the hint names no host");
            elapse(Duration.ofSeconds(4));
            // It looks again and again.
            State state = relay.state.upstream().state();
            assertTrue(state == State.WAITING || state == State.CONNECTING, () -> "the other primary is not taken: " + state);
            assertEquals("0", second.query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'relay_1' AND active"));
            first.start();
            patroni.silence(false);
            awaitFollowing(relay, first);
            relay.awaitAllOf(first);
        }
    }

    @Test
    void goesBackToAPrimaryThatWasOvertakenWhenToldAndRaisesTheAlarm() throws IOException {
        patroni.elect(first);
        try (TestLink relay = relay(patroni.clusterUrl())) {
            awaitFollowing(relay, first);
            promoteSecond(relay);
            patroni.elect(second);
            Lsn lost = relay.awaitAllOf(second);
            assertTrue(relay.state.upstream().acknowledged().isAtLeast(lost));
            patroni.elect(first);
            awaitFollowing(relay, first);
            first.execute("INSERT INTO t VALUES (2)");
            relay.awaitEvent("acknowledged-orphaned");
            Await.until("the first server's WAL", TestLink.SOON, () -> relay.cache().end().lineage().timeline(), new TimelineId(1)::equals);
            relay.awaitAllOf(first);
            assertTrue(relay.state.notReady().containsKey("acknowledged-orphaned"), relay.state.notReady()::toString);
            assertTrue(relay.assertSameWal(first) >= 1);
        }
    }

    @Test
    void followsALeaderThatTheConnectionStringDoesNotName() throws IOException {
        patroni.elect(first);
        try (TestLink relay = TestLink.hinted(directory.resolve("data"), TestLink.of(first), patroni.clusterUrl())) {
            awaitFollowing(relay, first);
            promoteSecond(relay);
            patroni.elect(second);
            relay.awaitAllOf(second);
            awaitFollowing(relay, second);
        }
    }

    @Test
    void anOrderOverrulesTheHintUntilThatNamesAnotherHost() throws IOException {
        patroni.elect(first);
        try (TestLink relay = relay(patroni.primaryUrl())) {
            awaitFollowing(relay, first);
            promoteSecond(relay);
            relay.link.followOrder(FollowOrder.parse("127.0.0.2"));
            relay.awaitAllOf(second);
            elapse(TestLink.QUICK.look().multipliedBy(4));
            assertEquals("127.0.0.2:" + second.port(), relay.state.upstream().host().orElse(""));
            assertFalse(relay.state.notReady().containsKey("acknowledged-orphaned"), relay.state.notReady()::toString);
            patroni.elect(second);
            Await.until("the hint to name the second", TestLink.SOON, () -> relay.events().toString().contains("names 127.0.0.2"));
            patroni.elect(first);
            awaitFollowing(relay, first);
        }
    }

    @Test
    void streamsAfterAStartWithTheHintSilentOnlyOnceItHasSpoken() throws IOException {
        patroni.silence(true);
        patroni.elect(first);
        try (TestLink relay = relay(patroni.clusterUrl())) {
            relay.awaitProblem("the hint names no host");
            patroni.silence(false);
            awaitFollowing(relay, first);
            relay.awaitAllOf(first);
        }
    }
}
