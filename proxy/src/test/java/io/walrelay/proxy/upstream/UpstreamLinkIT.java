package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.LocalPostgres.StopMode;
import io.walrelay.proxy.state.UpstreamStatus.State;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The upstream link against real servers. */
@Timeout(90)
class UpstreamLinkIT {

    @TempDir
    private Path directory;

    private Path data() {
        return directory.resolve("data");
    }

    @ParameterizedTest
    @ValueSource(ints = {13, 15, 18})
    void streamsGoesOnAfterItsOwnRestartAndAfterThoseOfUpstream(int major) throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(major)).start()) {
            Lsn before;
            try (TestLink relay = TestLink.start(data(), primary.conninfo() + " sslmode=disable")) {
                relay.awaitStreaming();
                assertEquals("relay_1", primary.query("SELECT application_name FROM pg_stat_replication"));
                assertEquals("t", primary.query("SELECT active FROM pg_replication_slots WHERE slot_name = 'relay_1'"));
                primary.execute("CREATE TABLE t AS SELECT generate_series(1, 100000) i", "SELECT pg_switch_wal()", "INSERT INTO t VALUES (1)");
                before = relay.awaitAllOf(primary);
                assertTrue(relay.assertSameWal(primary) >= 2);
                assertEquals(Integer.toString(major), relay.state.facts().orElseThrow().settings().getOrDefault("server_version_num", "").substring(0, 2));
            }
            assertEquals("f", primary.query("SELECT active FROM pg_replication_slots WHERE slot_name = 'relay_1'"));
            primary.execute("INSERT INTO t SELECT generate_series(1, 100000)");

            try (TestLink relay = TestLink.start(data(), primary.conninfo() + " sslmode=disable")) {
                assertTrue(relay.cache().end().written().isAtLeast(before));
                assertTrue(relay.state.facts().isPresent());
                relay.awaitAllOf(primary);

                primary.restart();
                primary.execute("INSERT INTO t VALUES (2)");
                relay.awaitAllOf(primary);

                primary.kill();
                Await.until("the loss to be seen", TestLink.SOON, () -> relay.state.upstream().state() != State.STREAMING);
                primary.start();
                primary.execute("INSERT INTO t SELECT generate_series(1, 1000)");
                relay.awaitAllOf(primary);
                assertTrue(relay.assertSameWal(primary) >= 1);
            }
            primary.stop(StopMode.FAST);
        }
    }

    /**
     * <pre>
     *   timeline 1  ────────●  primary is stopped
     *                       └──── timeline 2: the standby, which the relay streams from
     * </pre>
     */
    @Test
    void followsThePromotionOfTheStandbyThatItStreamsFrom() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo()).copyWal().start();
                TestLink relay = TestLink.start(data(), TestLink.of(standby))) {
            relay.awaitStreaming();
            primary.execute("CREATE TABLE t (i int)");
            standby.awaitReplay(primary.flushedLsn(), TestLink.SOON);
            primary.stop(StopMode.FAST);
            standby.promote();
            standby.execute("INSERT INTO t VALUES (1)");
            relay.awaitAllOf(standby);
            assertEquals(standby.timeline(), relay.cache().end().lineage().timeline());
            assertTrue(relay.cache().history(standby.timeline()).isPresent());
            assertTrue(relay.assertSameWal(standby) >= 1);
            assertTrue(relay.events().stream().noneMatch(e -> e.startsWith("upstream-lost")), relay.events()::toString);
        }
    }

    @Test
    void keepsAndAdvancesItsSlotOnTheHostThatIsNotInUse() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo()).copyWal().start();
                TestLink relay = TestLink.start(data(), TestLink.of(standby, primary))) {
            relay.awaitStreaming();
            assertEquals("127.0.0.1:" + primary.port(), relay.state.upstream().host().orElse(""));
            primary.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) i");
            Lsn target = relay.awaitAllOf(primary);
            standby.awaitReplay(target, TestLink.SOON);
            String slot = "SELECT coalesce(max(restart_lsn), '0/0') FROM pg_replication_slots WHERE slot_name = 'relay_1'";
            for (LocalPostgres host : List.of(primary, standby)) {
                Await.until("the slot to reach " + target, TestLink.SOON, () -> Lsn.parse(host.query(slot)), lsn -> lsn.isAtLeast(target));
            }
        }
    }

    @Test
    void dropsAHostThatSaysNothingMoreAndComesBack() throws IOException {
        LinkTiming impatient = new LinkTiming(
                Duration.ofSeconds(1),
                Duration.ofSeconds(1),
                Duration.ofSeconds(2),
                Duration.ofMillis(500),
                Duration.ofSeconds(30),
                Duration.ofMillis(50),
                Duration.ofMillis(200),
            Duration.ofSeconds(3));
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).set("wal_sender_timeout", "2s").start();
                FaultProxy network = FaultProxy.to(primary.port());
                TestLink relay = TestLink.start(
                        data(), "host=127.0.0.1 port=%d user=postgres sslmode=disable".formatted(network.port()), impatient)) {
            relay.awaitStreaming();
            network.goSilent();
            relay.awaitEvent("upstream-lost");
            assertTrue(relay.events().toString().contains("no message for 2 s"), relay.events()::toString);
            network.resume(FaultProxy.Direction.TO_CLIENT);
            network.resume(FaultProxy.Direction.TO_SERVER);
            network.cut(FaultProxy.Cut.RST);
            primary.execute("CREATE TABLE t (i int)");
            relay.awaitAllOf(primary);
        }
    }

    @Test
    void saysWhatIsWrongWithAPassword() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).password("right").start();
                TestLink relay = TestLink.start(data(), TestLink.of(primary) + " password=wrong")) {
            relay.awaitProblem("password authentication failed for user \"postgres\"");
            try (TestLink good = TestLink.start(directory.resolve("good"), TestLink.of(primary) + " password=right channel_binding=prefer")) {
                good.awaitStreaming();
            }
        }
    }
}
