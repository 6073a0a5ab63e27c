package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The relay's slot on a host that is not in use, after the server has invalidated it: made anew, or the next primary would keep no WAL. */
@Timeout(90)
class LostSlotIT {

    private static final String SLOT = " FROM pg_replication_slots WHERE slot_name = 'relay_1'";

    @TempDir
    private Path directory;

    private static void awaitMoved(LocalPostgres host, Lsn target) {
        Await.until(
                "the slot to be moved to " + target,
                TestLink.SOON,
                () -> Lsn.parse(host.query("SELECT coalesce(max(restart_lsn), '0/0')" + SLOT)),
                lsn -> lsn.isAtLeast(target));
    }

    @Test
    void isMadeAnewAfterItWasIdleForTooLong() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(18)).start();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo())
                        .copyWal()
                        .set("idle_replication_slot_timeout", "1s")
                        .start();
                TestLink relay = TestLink.start(directory.resolve("data"), TestLink.of(primary, standby))) {
            relay.awaitStreaming();
            primary.execute("CREATE TABLE t (i int)");
            Lsn target = relay.awaitAllOf(primary);
            awaitMoved(standby, target);
            // A standby's checkpoint does nothing without one of its primary, whose WAL moves the slot once more.
            primary.execute("CHECKPOINT");
            awaitMoved(standby, relay.awaitAllOf(primary));
            Await.until("the slot to be idle", TestLink.SOON, () -> standby.query("SELECT inactive_since < now() - interval '1.2 s'" + SLOT), "t"::equals);
            standby.execute("CHECKPOINT");
            assertEquals("idle_timeout", standby.query("SELECT invalidation_reason" + SLOT));
            standby.set("idle_replication_slot_timeout", "0");
            standby.reload();
            primary.execute("INSERT INTO t VALUES (1)");
            Lsn later = relay.awaitAllOf(primary);
            Await.until("the slot to be valid", TestLink.SOON, () -> standby.query("SELECT count(*)" + SLOT + " AND invalidation_reason IS NULL"), "1"::equals);
            primary.execute("INSERT INTO t VALUES (2)");
            awaitMoved(standby, later);
            assertTrue(relay.events().toString().contains("to make it anew"), relay.events()::toString);
            assertTrue(relay.events().stream().noneMatch(e -> e.contains("can't be moved on")), relay.events()::toString);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {14, 15, 18})
    void isMadeAnewAfterItHeldBackTooMuch(int major) throws IOException {
        Path data = directory.resolve("data");
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(major))
                        .segmentSize(new SegmentSize(1 << 20))
                        .set("min_wal_size", "2MB")
                        .set("max_wal_size", "4MB")
                        .start();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo())
                        .copyWal()
                        .set("max_slot_wal_keep_size", "2MB")
                        .start()) {
            primary.execute("CREATE TABLE t (i int)");
            try (TestLink relay = TestLink.start(data, TestLink.of(primary, standby))) {
                relay.awaitStreaming();
                awaitMoved(standby, relay.awaitAllOf(primary));
            }
            Await.until("the slot to be invalidated", TestLink.SOON, () -> {
                primary.execute("INSERT INTO t VALUES (1)", "SELECT pg_switch_wal()", "CHECKPOINT");
            standby.execute("CHECKPOINT");
                return "lost".equals(standby.query("SELECT wal_status" + SLOT));
            });
            try (TestLink relay = TestLink.start(data, TestLink.of(primary, standby))) {
                relay.awaitStreaming();
                primary.execute("INSERT INTO t VALUES (2)");
                awaitMoved(standby, relay.awaitAllOf(primary));
                assertEquals("reserved", standby.query("SELECT wal_status" + SLOT));
                assertTrue(relay.events().stream().noneMatch(e -> e.contains("can't be moved on")), relay.events()::toString);
            }
        }
    }
}
