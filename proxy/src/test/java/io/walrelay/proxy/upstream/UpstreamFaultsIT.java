package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.LocalPostgres.StopMode;
import io.walrelay.proxy.state.UpstreamStatus.State;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What goes wrong beside a stream, or around it, and must not end it. */
@Timeout(90)
class UpstreamFaultsIT {

    @TempDir
    private Path directory;

    private static LinkTiming timing(Duration connect, Duration receiver) {
        LinkTiming quick = TestLink.QUICK;
        return new LinkTiming(
                connect, quick.answer(), receiver, quick.status(), quick.look(), quick.firstRetry(), quick.lastRetry(), quick.gap());
    }

    private static void elapse(Duration time) {
        long begin = System.nanoTime();
        Await.until(time + " to pass", TestLink.SOON, () -> System.nanoTime() - begin >= time.toNanos());
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void aLookThatFailsDoesNotEndTheStreamOfAHealthyPrimary(int version) throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(version)).start();
                TestLink relay = TestLink.start(directory.resolve("data"), TestLink.of(primary))) {
            relay.awaitStreaming();
            primary.execute("CREATE TABLE t (i int)");
            Path hba = primary.dataDirectory().resolve("pg_hba.conf");
            Files.writeString(hba, "host replication all all reject\n" + Files.readString(hba));
            primary.reload();
            String pid = primary.query("SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'relay_1'");
            for (int i = 0; i < 10; i++) {
                primary.execute("INSERT INTO t SELECT generate_series(1, 10000)");
                relay.awaitAllOf(primary);
                elapse(TestLink.QUICK.look().dividedBy(2));
            }
            assertEquals(pid, primary.query("SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'relay_1'"));
            assertEquals(State.STREAMING, relay.state.upstream().state());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void aRelayThatIsHeldLetsThePrimaryShutDownAndComesBackWhenThereIsRoom(int version) throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(version)).start();
                TestLink relay =
                        TestLink.start(directory.resolve("data"), TestLink.of(primary), timing(Duration.ofSeconds(3), Duration.ofSeconds(2)))) {
            relay.awaitStreaming();
            relay.awaitAllOf(primary);
            Lsn had = relay.cache().end().written();
            relay.link.hold(true);
            primary.execute("CREATE TABLE t AS SELECT generate_series(1, 100000) i");
            primary.stop(StopMode.FAST);
            primary.start();
            relay.awaitProblem("upstream is not read until there is room");
            primary.execute("INSERT INTO t VALUES (1)");
            elapse(Duration.ofSeconds(2));
            assertEquals(had, relay.cache().end().written());
            assertEquals("f", primary.query("SELECT active FROM pg_replication_slots WHERE slot_name = 'relay_1'"), "not connected to while held");
            assertFalse(relay.events().toString().contains("no answer"), relay.events()::toString);
            relay.link.hold(false);
            relay.awaitAllOf(primary);
            relay.awaitStreaming();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void aStreamWithoutASlotSaysSoAndGetsOneAsSoonAsItCan(int version) throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(version)).set("max_replication_slots", "1").start()) {
            primary.execute("SELECT pg_create_physical_replication_slot('other')");
            try (TestLink relay = TestLink.start(directory.resolve("data"), TestLink.of(primary))) {
                relay.awaitProblem("streams without a slot");
                assertEquals(State.STREAMING, relay.state.upstream().state());
                primary.execute("SELECT pg_drop_replication_slot('other')");
                Await.until(
                        "the slot to be used", TestLink.SOON, () -> primary.query("SELECT coalesce(bool_or(active), false) FROM pg_replication_slots"), "t"::equals);
                relay.awaitStreaming();
                Await.until("the problem to be gone", TestLink.SOON, () -> relay.state.upstream().problem().isEmpty());
            }
        }
    }

    @Test
    void goesOnAfterAWantOfMemoryOutsideTheHeap() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                TestLink relay = TestLink.start(directory.resolve("data"), TestLink.of(primary))) {
            relay.awaitStreaming();
            primary.execute("CREATE TABLE t (i int)");
            relay.awaitAllOf(primary);
            try (DirectMemory _ = DirectMemory.takeAll()) {
                primary.execute("INSERT INTO t SELECT generate_series(1, 100000)");
                relay.awaitEvent("out-of-memory");
            }
            relay.awaitAllOf(primary);
            relay.awaitStreaming();
            assertTrue(relay.assertSameWal(primary) >= 1);
        }
    }

    @Test
    void silentHostsDelayTheOthersOnceAndNotOneAfterTheOther() throws IOException {
        InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        try (ServerSocket first = new ServerSocket(0, 50, loopback);
                ServerSocket second = new ServerSocket(0, 50, loopback);
                LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start()) {
            long begin = System.nanoTime();
            try (TestLink relay = TestLink.start(
                    directory.resolve("data"),
                    "host=127.0.0.1,127.0.0.1,127.0.0.1 port=%d,%d,%d user=postgres sslmode=disable"
                            .formatted(first.getLocalPort(), second.getLocalPort(), primary.port()),
                    timing(Duration.ofSeconds(6), Duration.ofSeconds(60)))) {
                relay.awaitStreaming();
                Duration took = Duration.ofNanos(System.nanoTime() - begin);
                assertTrue(took.toSeconds() < 11, () -> "streaming after " + took);
            }
        }
    }

    @Test
    void makesASlotOnAnOldServerOnceAndNotWithEachLook() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(13)).start();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo()).copyWal().start();
                TestLink relay = TestLink.start(directory.resolve("data"), TestLink.of(primary, standby))) {
            relay.awaitStreaming();
            primary.execute("CREATE TABLE t (i int)");
            Lsn target = relay.awaitAllOf(primary);
            String slot = "SELECT coalesce(max(restart_lsn), '0/0') FROM pg_replication_slots WHERE slot_name = 'relay_1'";
            Await.until("the slot to be moved", TestLink.SOON, () -> Lsn.parse(standby.query(slot)), lsn -> lsn.isAtLeast(target));
            elapse(TestLink.QUICK.look().multipliedBy(6));
            assertFalse(standby.log().contains("already exists"), standby::log);

            standby.execute("SELECT pg_drop_replication_slot('relay_1')");
            primary.execute("INSERT INTO t VALUES (1)");
            Lsn later = relay.awaitAllOf(primary);
            Await.until("the slot to be made anew and moved", TestLink.SOON, () -> Lsn.parse(standby.query(slot)), lsn -> lsn.isAtLeast(later));
        }
    }
}
