package io.walrelay.proxy.rewind;

import static io.walrelay.proxy.rewind.TwoServers.content;
import static io.walrelay.proxy.rewind.TwoServers.diverge;
import static io.walrelay.proxy.rewind.TwoServers.promote;
import static io.walrelay.proxy.rewind.TwoServers.rewind;
import static io.walrelay.proxy.rewind.TwoServers.startAfterRewind;
import static io.walrelay.proxy.rewind.TwoServers.stop;
import static io.walrelay.proxy.rewind.TwoServers.stopAtOneEnd;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Targets that lost what was in memory only: blocks that no WAL after the last common checkpoint names. What they hold afterwards is checked
 * by checksums, amcheck and by comparison with the source, page by page. Nothing is started on them before.
 */
class CrashedTargetIT {

    private static final Programs DEBIAN = Programs.version(15);

    private static TwoServers servers() {
        TwoServers servers = TwoServers.of(DEBIAN.server());
        servers.old.execute("CREATE EXTENSION amcheck", "CREATE INDEX ON t (who, n)", "CHECKPOINT");
        servers.awaitReplay(servers.old, servers.standby);
        servers.standby.execute("CHECKPOINT");
        return servers;
    }

    /** Changes that a standby replays in memory, and a checkpoint, after which no WAL names their blocks. */
    private static void changeAllAndCheckpoint(LocalPostgres primary) {
        primary.execute("UPDATE t SET filler = 'lost ' || n", "INSERT INTO t SELECT 'more', i, repeat('z', 100) FROM generate_series(1, 2000) i", "CHECKPOINT");
    }

    /** Stops both. */
    private static void assertWhole(LocalPostgres source, LocalPostgres target) throws IOException, RefusedException {
        assertEquals(content(source), content(target));
        assertEquals("0", target.query("SELECT count(*) FROM pg_class c, LATERAL verify_heapam(c.oid) WHERE c.relkind = 'r'"));
        assertTrue(Integer.parseInt(target.query("SELECT count(bt_index_check(indexrelid, true)) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
                + " JOIN pg_am a ON relam = a.oid WHERE amname = 'btree' AND indisvalid AND relpersistence = 'p'")) > 100);
        stopAtOneEnd(source, target);
        assertEquals(List.of(), new RelationPages(target.dataDirectory()).differencesFromPrimary(new RelationPages(source.dataDirectory())));
    }

    /**
     * <pre>
     *   old       1 ─R────changes────C──┬── went on ──▶          R: the target's last restartpoint
     *   target                          └─2── wrote ─╳ before its first checkpoint
     * </pre>
     */
    @Test
    void aStandbyThatWasPromotedAndCrashedBeforeItsFirstCheckpoint() throws IOException, RefusedException {
        try (TwoServers servers = servers()) {
            changeAllAndCheckpoint(servers.old);
            servers.awaitReplay(servers.old, servers.standby);
            servers.standby.promote();
            diverge(servers.standby, "wrong");
            diverge(servers.old, "old");
            servers.standby.kill();

            Programs.Result result = rewind(servers.standby, "--source-server", servers.old.conninfo(), "-R", "--debug");

            assertEquals(0, result.status(), result.output());
            assertTrue(result.output().contains("the target's own last checkpoint"), result.output());
            startAfterRewind(servers.standby);
            servers.awaitFollowing(servers.old, servers.standby);
            assertWhole(servers.old, servers.standby);
        }
    }

    /**
     * <pre>
     *   old       1 ─R────changes────C──┬── went on ──▶ target replayed it too ─╳ long after its restartpoint R
     *   source                          └─2──▶
     * </pre>
     */
    @Test
    void aStandbyThatCrashedLongAfterItsLastRestartpoint() throws IOException, RefusedException {
        try (TwoServers servers = servers();
                LocalPostgres target = LocalPostgres.standbyOf(servers.old, servers.old.conninfo()).name("target").start()) {
            changeAllAndCheckpoint(servers.old);
            servers.awaitReplay(servers.old, servers.standby);
            promote(servers.standby);
            diverge(servers.standby, "new");
            diverge(servers.old, "old");
            servers.awaitReplay(servers.old, target);
            // What is in memory only is not all: a standby that is asked for much writes some of it.
            target.query("SELECT count(*) FROM t, generate_series(1, 3)");
            target.kill();
            stop(servers.old);

            Programs.Result result = rewind(target, "--source-server", servers.standby.conninfo(), "-R", "--debug");

            assertEquals(0, result.status(), result.output());
            startAfterRewind(target);
            servers.awaitFollowing(servers.standby, target);
            assertWhole(servers.standby, target);
        }
    }

    /**
     * It stopped cleanly, but as old as its restartpoint R: the checkpoint C, which both have, it only received.
     *
     * <pre>
     *   old       1 ─R────changes────C──┬── went on ──▶ received by the target, which stopped replaying at R
     *   source                          └─2──▶
     * </pre>
     */
    @Test
    void aStandbyThatReceivedMoreThanItReplayed() throws IOException, RefusedException {
        try (TwoServers servers = servers();
                LocalPostgres target = LocalPostgres.standbyOf(servers.old, servers.old.conninfo()).name("target").start()) {
            servers.awaitReplay(servers.old, target);
            target.query("SELECT pg_wal_replay_pause()");
            Await.until("a pause", TwoServers.LIMIT, () -> target.query("SELECT pg_get_wal_replay_pause_state()"), "paused"::equals);
            changeAllAndCheckpoint(servers.old);
            servers.awaitReplay(servers.old, servers.standby);
            promote(servers.standby);
            // Without a look at t, which would set hint bits: the target's WAL would name its blocks.
            servers.old.execute("CREATE TABLE only_old AS SELECT 1 AS i");
            Lsn end = servers.old.flushedLsn();
            Await.until("all WAL", TwoServers.LIMIT, () -> Lsn.parse(target.query("SELECT pg_last_wal_receive_lsn()")), end::isAtMost);
            stop(target);
            stop(servers.old);

            Programs.Result result = rewind(target, "--source-server", servers.standby.conninfo(), "-R");

            assertEquals(0, result.status(), result.output());
            startAfterRewind(target);
            servers.awaitFollowing(servers.standby, target);
            // The target first: reading the source may write whole pages, which would mend it.
            String ours = content(target);
            assertEquals(content(servers.standby), ours);
            assertWhole(servers.standby, target);
        }
    }

    /**
     * <pre>
     *   target    1 ─C──┬── went on ─╳
     *   source          └─2──▶
     * </pre>
     */
    @Test
    void aPrimaryThatCrashed() throws IOException, RefusedException {
        try (TwoServers servers = servers()) {
            promote(servers.standby);
            diverge(servers.standby, "new");
            diverge(servers.old, "old");
            servers.old.execute("UPDATE t SET filler = 'written ' || n", "CHECKPOINT", "UPDATE t SET filler = 'lost ' || n");
            servers.old.kill();

            Programs.Result refused = rewind(servers.old, "--source-server", servers.standby.conninfo(), "--no-ensure-shutdown");

            assertEquals(1, refused.status(), refused.output());
            assertTrue(refused.output().contains("error: target server must be shut down cleanly\n"), refused.output());

            Programs.Result result = rewind(servers.old, "--source-server", servers.standby.conninfo(), "-R");

            assertEquals(0, result.status(), result.output());
            startAfterRewind(servers.old);
            servers.awaitFollowing(servers.standby, servers.old);
            assertWhole(servers.standby, servers.old);
        }
    }
}
