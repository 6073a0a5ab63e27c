package io.walrelay.proxy.rewind;

import static io.walrelay.proxy.rewind.TwoServers.LIMIT;
import static io.walrelay.proxy.rewind.TwoServers.awaitRelay;
import static io.walrelay.proxy.rewind.TwoServers.content;
import static io.walrelay.proxy.rewind.TwoServers.control;
import static io.walrelay.proxy.rewind.TwoServers.diverge;
import static io.walrelay.proxy.rewind.TwoServers.promote;
import static io.walrelay.proxy.rewind.TwoServers.relayBehind;
import static io.walrelay.proxy.rewind.TwoServers.relayOf;
import static io.walrelay.proxy.rewind.TwoServers.rewindThrough;
import static io.walrelay.proxy.rewind.TwoServers.skippedBlocks;
import static io.walrelay.proxy.rewind.TwoServers.stop;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.FaultProxy.Direction;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.rewind.datadir.BackupLabel;
import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.LastRewind;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The source of a rewind is lost before the rewound server has replayed anything. Blocks that were left to that source's WAL are of no
 * history then, others are as that source had them, and the third server's WAL names neither. That source's does, which only the relay still
 * has, as an orphan's, its last segment in part; and so does the note that the first rewind left. On one version it has begun to replay: then
 * its backup_label is gone, and its control file does not say that it is not consistent.
 *
 * <pre>
 *   old    1 ────┬── changed t ─╳  rewound to new, not started  rewound to third ──▶
 *   new          └─2─┬── changed t whole ──────────────────────╳
 *   third            └─3── did not touch t's old blocks ──────────────────────────▶
 *   relay  ── follows new ─────────────────────────────────── goes over to third ──▶
 * </pre>
 */
class NeverConsistentIT {

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {14, 15})
    void aRewoundServerThatNeverBecameConsistentIsRewoundToAnother(int major) throws IOException, RefusedException {
        try (TwoServers servers = TwoServers.of(Servers.version(major));
                LocalPostgres third = LocalPostgres.standbyOf(servers.old, servers.old.conninfo()).name("third").start();
                RelayProcess relay = relayBehind(servers.standby, directory.resolve("relay"));
                FaultProxy line = FaultProxy.to(relay.port())) {
            LocalPostgres old = servers.old;
            LocalPostgres now = servers.standby;
            servers.awaitReplay(old, third);
            promote(now);
            third.set("primary_conninfo", now.conninfo());
            third.reload();
            servers.awaitReplay(now, third);
            promote(third);
            assertEquals(new TimelineId(3), third.timeline());
            diverge(now, "new");
            now.execute("SELECT pg_switch_wal()", "INSERT INTO t VALUES ('next', 1, '')");
            diverge(old, "old");
            stop(old);
            awaitRelay(now);
            Programs.Result first = rewindThrough(relay, old, now, "--relay-conninfo", "host=127.0.0.1 port=%d user=postgres".formatted(line.port()));
            assertTrue(skippedBlocks(first) > 20, first.output());
            assertTrue(Files.exists(old.dataDirectory().resolve(LastRewind.NAME)));
            if (major == 15) {
                replaySomeOf(old, line);
            }

            now.kill();
            relay.kill();
            third.execute("INSERT INTO t SELECT 'third', i, '' FROM generate_series(1, 10) i");
            rewindToThird(servers, third);
        }
    }

    /** Starts it on a slow line, and stops it when it has begun to replay, some 16 MB before it would be consistent. */
    private static void replaySomeOf(LocalPostgres old, FaultProxy line) throws IOException, RefusedException {
        line.throttle(Direction.TO_CLIENT, 1 << 20);
        old.launch();
        Await.until("the label to be read", LIMIT, () -> Files.exists(old.dataDirectory().resolve("backup_label.old")), Boolean::booleanValue);
        stop(old);
        ControlFile stopped = control(old);
        assertFalse(Files.exists(old.dataDirectory().resolve(BackupLabel.PATH)));
        assertFalse(old.log().contains("consistent recovery state reached"), () -> old.logTail(20));
        // The base backup that made the others began where the replay does, and its end comes first.
        assertFalse(stopped.awaitsConsistency(), () -> stopped + "; its log ends with:\n" + old.logTail(20));
    }

    private void rewindToThird(TwoServers servers, LocalPostgres third) {
        LocalPostgres old = servers.old;
        try (RelayProcess relay = relayOf(third, directory.resolve("relay"))
                .with("WALRELAY_UPSTREAM_ON_DIVERGENCE", "follow")
                .start()) {
            awaitRelay(third);

            Programs.Result second = rewindThrough(relay, old, third);

            assertEquals(0, second.status(), second.output());
            old.start();
            servers.awaitReplay(third, old);
            assertEquals(content(third), content(old));
            assertEquals("0", old.query("SELECT count(*) FROM pg_class WHERE relname IN ('only_old', 'only_new')"));
        }
    }
}
