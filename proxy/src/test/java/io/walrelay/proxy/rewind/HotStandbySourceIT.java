package io.walrelay.proxy.rewind;

import static io.walrelay.proxy.rewind.TwoServers.LIMIT;
import static io.walrelay.proxy.rewind.TwoServers.awaitRelay;
import static io.walrelay.proxy.rewind.TwoServers.content;
import static io.walrelay.proxy.rewind.TwoServers.control;
import static io.walrelay.proxy.rewind.TwoServers.diverge;
import static io.walrelay.proxy.rewind.TwoServers.pgRewind;
import static io.walrelay.proxy.rewind.TwoServers.promote;
import static io.walrelay.proxy.rewind.TwoServers.relayBehind;
import static io.walrelay.proxy.rewind.TwoServers.rewind;
import static io.walrelay.proxy.rewind.TwoServers.rewindThrough;
import static io.walrelay.proxy.rewind.TwoServers.startAfterRewind;
import static io.walrelay.proxy.rewind.TwoServers.stop;
import static io.walrelay.proxy.rewind.TwoServers.stopAtOneEnd;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The source is a hot standby that replays no more: what it replayed is in its memory, its files are as old as its last restartpoint R, and
 * it has received more.
 *
 * <pre>
 *   primary   1 ──R──┬── changes ───P──── more ──▶ relay
 *   source       ──R─┼── changes ──▶P     received          P: paused, and its minRecoveryPoint
 *   target           └─2── wrote ─╳  rewound to the source three times: with WAL, with the relay, by pg_rewind
 * </pre>
 */
class HotStandbySourceIT {

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void aHotStandbyIsASource(int major) throws IOException, RefusedException {
        Programs programs = Programs.version(major);
        try (TwoServers servers = TwoServers.of(programs.server());
                LocalPostgres source = LocalPostgres.standbyOf(servers.old, servers.old.conninfo()).name("source").start();
                RelayProcess relay = relayBehind(servers.old, directory.resolve("relay"))) {
            LocalPostgres primary = servers.old;
            LocalPostgres target = servers.standby;
            servers.awaitReplay(primary, source);
            source.execute("CHECKPOINT");
            promote(target);
            diverge(target, "wrong");
            diverge(primary, "right");
            pause(primary, source);
            primary.execute("INSERT INTO t SELECT 'more', i, repeat('z', 200) FROM generate_series(1, 500) i");
            awaitReceived(primary, source);
            awaitRelay(primary);
            stop(target);
            try (LocalPostgres relayed = TwoServers.copyOf(target, source, "relayed");
                    LocalPostgres theirs = TwoServers.copyOf(target, source, "theirs")) {
                Programs.Result ours = rewind(target, "--source-server", source.conninfo(), "-R");
                assertEquals(0, ours.status(), ours.output());
                Programs.Result withRelay = rewindThrough(relay, relayed, source);
                assertEquals(0, withRelay.status(), withRelay.output());
                pgRewind(programs, theirs, source);
                assertReplayEqual(theirs, target);
                Lsn end = control(relayed).minRecoveryPoint();
                assertTrue(end.isAtLeast(control(theirs).minRecoveryPoint()) && end.isAtMost(primary.flushedLsn()), end::toString);

                startAfterRewind(target);
                relayed.start();
                servers.awaitReplay(primary, target);
                servers.awaitReplay(primary, relayed);
                assertEquals(content(primary), content(target));
                assertEquals(content(primary), content(relayed));
                source.query("SELECT pg_wal_replay_resume()");
                // The source last: the target streams from it.
                stopAtOneEnd(primary, target, relayed, source);
                // Not the primary's, which since 16 extends relations by some pages more than its WAL names.
                RelationPages pages = new RelationPages(source.dataDirectory());
                assertEquals(List.of(), new RelationPages(target.dataDirectory()).differences(pages));
                assertEquals(List.of(), new RelationPages(relayed.dataDirectory()).differences(pages));
            }
        }
    }

    /** When it has replayed all. With no newer checkpoint to make a restartpoint of, CHECKPOINT writes its minRecoveryPoint and nothing else. */
    private static void pause(LocalPostgres primary, LocalPostgres source) {
        source.awaitReplay(primary.flushedLsn(), LIMIT);
        source.query("SELECT pg_wal_replay_pause()");
        Await.until("a pause", LIMIT, () -> source.query("SELECT pg_get_wal_replay_pause_state()"), "paused"::equals);
        source.execute("CHECKPOINT");
    }

    private static void awaitReceived(LocalPostgres primary, LocalPostgres source) {
        Lsn end = primary.flushedLsn();
        Await.until("all WAL", LIMIT, () -> Lsn.parse(source.query("SELECT pg_last_wal_receive_lsn()")), end::isAtMost);
    }

    private static void assertReplayEqual(LocalPostgres theirs, LocalPostgres ours) throws IOException, RefusedException {
        ControlFile expected = control(theirs);
        ControlFile control = control(ours);
        assertEquals(expected.minRecoveryPoint(), control.minRecoveryPoint());
        assertEquals(expected.minRecoveryPointTimeline(), control.minRecoveryPointTimeline());
        assertEquals(expected.state(), control.state());
        assertEquals(label(theirs), label(ours));
    }

    /** But for when it was made. */
    private static List<String> label(LocalPostgres server) throws IOException {
        return Files.readAllLines(server.dataDirectory().resolve("backup_label")).stream().filter(line -> !line.startsWith("START TIME:")).toList();
    }
}
