package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.LocalPostgres.StopMode;
import io.walrelay.proxy.state.UpstreamStatus.State;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Servers that can't be followed: what is said of them, and that the relay goes on by itself once they can. */
@Timeout(90)
class BadUpstreamIT {

    @TempDir
    private Path directory;

    private TestLink link(String conninfo) throws IOException {
        return TestLink.start(directory.resolve("data"), conninfo);
    }

    private static String as(LocalPostgres server, String user) {
        return "host=127.0.0.1 port=%d user=%s sslmode=disable".formatted(server.port(), user);
    }

    @Test
    void refusesAnotherClusterAndAnotherSegmentSize() throws IOException {
        try (LocalPostgres ours = LocalPostgres.of(Servers.version(15)).start();
                LocalPostgres other = LocalPostgres.of(Servers.version(15)).name("other").segmentSize(new SegmentSize(1 << 20)).start()) {
            try (TestLink relay = link(TestLink.of(ours))) {
                relay.awaitStreaming();
                relay.awaitAllOf(ours);
            }
            try (TestLink relay = link(TestLink.of(other))) {
                relay.awaitProblem("has system identifier");
                assertEquals(State.STOPPED, relay.state.upstream().state());
                assertTrue(relay.state.notReady().containsKey("upstream"), relay.state.notReady()::toString);
                assertEquals("0", other.query("SELECT count(*) FROM pg_replication_slots"));
            }
            try (TestLink relay = link(TestLink.of(other, ours))) {
                relay.awaitStreaming();
                assertEquals("127.0.0.1:" + ours.port(), relay.state.upstream().host().orElse(""));
                relay.awaitEvent("upstream-note");
                assertEquals("0", other.query("SELECT count(*) FROM pg_replication_slots"));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"13, must be superuser or replication role to start walsender", "18, permission denied to start WAL sender"})
    void saysWhyALoginIsRefusedAndGoesOnWhenItNoLongerIs(int major, String notReplication) throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(major)).hba("host replication unwanted all reject").start()) {
            primary.execute("CREATE ROLE unwanted LOGIN REPLICATION", "CREATE ROLE humble LOGIN");
            try (TestLink relay = link(as(primary, "unwanted"))) {
                relay.awaitProblem("pg_hba.conf rejects replication connection for host \"127.0.0.1\", user \"unwanted\"");
                assertEquals(State.WAITING, relay.state.upstream().state());
            }
            try (TestLink relay = link(as(primary, "nobody"))) {
                relay.awaitProblem("role \"nobody\" does not exist");
            }
            try (TestLink relay = link(as(primary, "humble"))) {
                relay.awaitProblem(notReplication);
                primary.execute("ALTER ROLE humble REPLICATION");
                relay.awaitStreaming();
            }
        }
    }

    @Test
    void saysThatNobodyListensAndWaitsLongerEachTime() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                TestLink relay = link("host=127.0.0.1,no-such-host.invalid port=%d,%d user=postgres sslmode=disable".formatted(primary.port(), primary.port()))) {
            relay.awaitStreaming();
            primary.stop(StopMode.FAST);
            relay.awaitProblem("Connection refused");
            relay.awaitProblem("could not translate host name \"no-such-host.invalid\" to address");
            primary.start();
            relay.awaitStreaming();
            relay.awaitAllOf(primary);
            assertTrue(relay.state.upstream().problem().isEmpty(), relay.state.upstream()::toString);
        }
    }

    @Test
    void waitsForASlotThatAnotherRelayUses() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                TestLink first = TestLink.start(directory.resolve("first"), TestLink.of(primary))) {
            first.awaitStreaming();
            try (TestLink second = link(TestLink.of(primary))) {
                second.awaitProblem("is it another relay with the same upstream.slot");
                second.awaitProblem("replication slot \"relay_1\" is active for PID");
                assertEquals(State.STREAMING, first.state.upstream().state());
                first.link.close();
                second.awaitStreaming();
                second.awaitAllOf(primary);
            }
        }
    }

    @Test
    void doesNotHammerAServerThatHangsUp() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                FaultProxy network = FaultProxy.to(primary.port());
                TestLink relay = link("host=127.0.0.1 port=%d user=postgres sslmode=disable".formatted(network.port()))) {
            relay.awaitStreaming();
            network.refuse(true);
            network.cut(FaultProxy.Cut.RST);
            Await.until("the loss to be seen", TestLink.SOON, () -> relay.state.upstream().state() != State.STREAMING);
            int before = network.connectionCount();
            long begin = System.nanoTime();
            Await.until("three seconds to pass", TestLink.SOON, () -> Duration.ofNanos(System.nanoTime() - begin).toSeconds() >= 3);
            int tries = network.connectionCount() - before;
            // Pauses of 50 to 500 ms, each drawn from its upper half: 7 to 16 in three seconds.
            assertTrue(tries <= 18, () -> tries + " connections in 3 s");
            network.refuse(false);
            relay.awaitStreaming();
        }
    }
}
