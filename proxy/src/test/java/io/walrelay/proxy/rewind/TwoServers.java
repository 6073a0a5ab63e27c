package io.walrelay.proxy.rewind;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.LocalPostgres.StopMode;
import io.walrelay.proxy.demo.OsProcess;
import io.walrelay.proxy.demo.PostgresBinaries;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.WalrelayCommand;
import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A primary and its standby, which will part. Both are stopped and deleted when this is closed. */
final class TwoServers implements AutoCloseable {

    static final Duration LIMIT = Duration.ofSeconds(60);

    private static final Pattern SKIPPED = Pattern.compile("\"skipped_blocks\":(\\d+)");

    final LocalPostgres old;
    final LocalPostgres standby;

    private TwoServers(LocalPostgres old, LocalPostgres standby) {
        this.old = old;
        this.standby = standby;
    }

    /** The primary has a table {@code t} with some rows, and the standby has them too. */
    static TwoServers of(PostgresBinaries binaries) {
        LocalPostgres old = LocalPostgres.of(binaries).name("old").set("wal_keep_size", "1GB").set("autovacuum", "off").start();
        try {
            old.execute("CREATE TABLE t (who text, n int, filler text)", "INSERT INTO t SELECT 'both', i, repeat('x', 200) FROM generate_series(1, 2000) i", "CHECKPOINT");
            LocalPostgres standby = LocalPostgres.standbyOf(old, old.conninfo()).name("new").start();
            TwoServers servers = new TwoServers(old, standby);
            servers.awaitReplay(old, standby);
            return servers;
        } catch (RuntimeException e) {
            old.close();
            throw e;
        }
    }

    void awaitReplay(LocalPostgres primary, LocalPostgres follower) {
        Lsn end = primary.flushedLsn();
        follower.awaitReplay(end, LIMIT);
    }

    /** Promotes, and waits for the checkpoint after it, as pg_rewind of 13 to 15 wants. */
    static void promote(LocalPostgres server) {
        server.promote();
        server.execute("CHECKPOINT");
    }

    /** Rows and changes that only {@code server} has; enough of them for relations to grow. */
    static void diverge(LocalPostgres server, String who) {
        server.execute(
                "INSERT INTO t SELECT '%s', i, repeat('y', 200) FROM generate_series(1, 1000) i".formatted(who),
                "UPDATE t SET filler = '%s' WHERE who = 'both' AND n %% 3 = 0".formatted(who),
                "CREATE TABLE only_%s AS SELECT i FROM generate_series(1, 500) i".formatted(who));
    }

    /** Whose rows {@code server} has. */
    static String who(LocalPostgres server) {
        return server.query("SELECT string_agg(DISTINCT who, ' ' ORDER BY who) FROM t");
    }

    /** All that is in the table, and so that its checksums were verified. */
    static String content(LocalPostgres server) {
        return server.query("SELECT count(*) || ' ' || md5(string_agg(who || n || filler, '|' ORDER BY who, n)) FROM t");
    }

    static Programs.Result rewind(LocalPostgres target, String... arguments) {
        List<String> all = new ArrayList<>(List.of("rewind", "-D", target.dataDirectory().toString()));
        all.addAll(Arrays.asList(arguments));
        return WalrelayCommand.runUnprivileged(LIMIT, Map.of(), all.toArray(String[]::new));
    }

    /** A rewind copies the source's configuration as well; this puts the target's port and name back. */
    static void startAfterRewind(LocalPostgres target) {
        target.set("log_checkpoints", "on");
        target.start();
    }

    /** Waits until {@code follower} streams from {@code primary} and has all. */
    void awaitFollowing(LocalPostgres primary, LocalPostgres follower) {
        primary.execute("INSERT INTO t VALUES ('after', 1, '')");
        awaitReplay(primary, follower);
        Await.until("a walsender for the rewound server", LIMIT, () -> primary.query("SELECT count(*) FROM pg_stat_replication"), "1"::equals);
    }

    /** A relay named relay that streams from {@code upstream}, and that will have all there is before the fork as well. */
    static RelayProcess relayBehind(LocalPostgres upstream, Path data) {
        return relayOf(upstream, data).start();
    }

    /** As {@link #relayBehind}, not started. */
    static RelayProcess relayOf(LocalPostgres upstream, Path data) {
        RelayProcess relay = RelayProcess.of("host=127.0.0.1 port=%d user=postgres".formatted(upstream.port()), "relay", data);
        return relay.with("WALRELAY_UPSTREAM_START", "oldest")
                .with("WALRELAY_ADVERTISE_CONNINFO", "host=127.0.0.1 port=%d".formatted(relay.port()));
    }

    /** Waits until the relay behind {@code upstream} has all that is flushed there. */
    static void awaitRelay(LocalPostgres upstream) {
        String end = upstream.query("SELECT pg_current_wal_flush_lsn()");
        Await.until(
                "the relay to have all of it",
                LIMIT,
                () -> upstream.query("SELECT count(*) FROM pg_stat_replication WHERE application_name = 'relay' AND write_lsn >= '%s'".formatted(end)),
                "1"::equals);
    }

    /** As {@link #rewind}; the target will stream from the relay, by a slot named as it is. */
    static Programs.Result rewindThrough(RelayProcess relay, LocalPostgres target, LocalPostgres source, String... more) {
        List<String> all = new ArrayList<>(List.of(
                "--source-server", source.conninfo(), "-R", "--relay", relay.url(), "--relay-slot", target.name(), "--format", "json"));
        all.addAll(Arrays.asList(more));
        return rewind(target, all.toArray(String[]::new));
    }

    /** A copy of a directory that is to be rewound in another way; a standby of {@code source} then. */
    static LocalPostgres copyOf(LocalPostgres stopped, LocalPostgres source, String name) {
        return LocalPostgres.standbyOf(stopped, source.conninfo())
                .name(name)
                .copiedBy((from, to) -> run(List.of("cp", "-a", from.dataDirectory().toString(), to.toString())))
                .create();
    }

    /** Rewinds as PostgreSQL does. */
    static void pgRewind(Programs programs, LocalPostgres target, LocalPostgres source) {
        String program = programs.home().resolve("bin/pg_rewind").toString();
        run(OsProcess.unprivileged(List.of(program, "-D", target.dataDirectory().toString(), "--source-server", source.conninfo(), "-R", "-N")));
    }

    private static void run(List<String> command) {
        try (ExternalProcess process = ExternalProcess.start(command)) {
            if (process.awaitExit(LIMIT) != 0) {
                throw new AssertionError(process.output());
            }
        }
    }

    /** How many blocks such a rewind left to the replay. */
    static long skippedBlocks(Programs.Result result) {
        Matcher skipped = SKIPPED.matcher(result.output());
        if (result.status() != 0 || !skipped.find()) {
            throw new AssertionError(result.output());
        }
        return Long.parseLong(skipped.group(1));
    }

    @Override
    public void close() {
        standby.close();
        old.close();
    }

    /** Stops all; the last record is a checkpoint, which the followers replay, and for which they write all that they have in memory. */
    static void stopAtOneEnd(LocalPostgres primary, LocalPostgres... followers) throws IOException, RefusedException {
        stop(primary);
        ControlFile end = control(primary);
        for (LocalPostgres follower : followers) {
            Await.until("all of it to be replayed", LIMIT, follower::replayedLsn, end.checkpoint()::isBefore);
            stop(follower);
            if (!control(follower).checkpoint().equals(end.checkpoint())) {
                throw new AssertionError("%s ends with %s, its primary with %s".formatted(follower.name(), control(follower), end));
            }
        }
    }

    static ControlFile control(LocalPostgres stopped) throws IOException, RefusedException {
        return ControlFile.parse(stopped.name(), Files.readAllBytes(stopped.dataDirectory().resolve(ControlFile.PATH)));
    }

    static void stop(LocalPostgres server) {
        server.stop(StopMode.FAST);
    }
}
