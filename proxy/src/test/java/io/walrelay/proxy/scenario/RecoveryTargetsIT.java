package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.ClusterSetup;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.WalClient;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A base backup without any WAL recovers to where it is told by nothing but restore.sh, from a relay that has most of the WAL in its archive only.
 *
 * <pre>
 *   primary ──▶ relay ──▶ archive
 *      │ push     ▲  └──▶ restore.sh ──▶ recovered server ── push ─┐
 *      └──────────┴────────────────────────────────────────────────┘
 * </pre>
 */
@Timeout(240)
@ParameterizedClass
@ValueSource(ints = {15, 18})
final class RecoveryTargetsIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);

    private final Programs programs;

    @TempDir
    private Path directory;

    RecoveryTargetsIT(int version) {
        this.programs = Programs.version(version);
    }

    private RelayProcess relay(LocalPostgres primary) {
        return RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"), "--archive", "file://" + directory.resolve("archive"))
                .with("WALRELAY_ARCHIVE_COMPRESSION", "none")
                .with("WALRELAY_CACHE_DISK", "512MB")
                .with("WALRELAY_CACHE_KEEP", "0s");
    }

    private LocalPostgres backup(LocalPostgres primary, String name, RelayProcess relay, Map<String, String> settings) {
        ClusterSetup.Copier copier = (source, target) -> {
            programs.run(LIMIT, "pg_basebackup", "-X", "none", "--checkpoint=fast", "--no-sync", "-D", target.toString(), "-d", source.conninfo()).orFail();
            Files.createFile(target.resolve("recovery.signal"));
        };
        ClusterSetup setup = LocalPostgres.standbyOf(primary, "")
                .name(name)
                .copiedBy(copier)
                .set("restore_command", "%s %%f %%p --relay %s".formatted(WalClient.DASH.script(directory, "restore"), relay.url()))
                .set("recovery_target_action", "promote");
        settings.forEach(setup::set);
        return setup.create();
    }

    private static void insert(LocalPostgres server, String what) {
        server.execute("INSERT INTO steps VALUES ('%s')".formatted(what));
        ArchiveIT.write(server, 30);
    }

    private static String recovered(LocalPostgres server) {
        server.start();
        Await.until(server.name() + " to end its recovery", LIMIT, () -> server.query("SELECT pg_is_in_recovery()"), "f"::equals);
        return server.query("SELECT string_agg(what, ' ' ORDER BY what) FROM steps");
    }

    @Test
    void toTheEndToATimeAndToARestorePoint() {
        try (LocalPostgres primary = LocalPostgres.of(programs.server()).segmentSize(SEGMENT).start();
                RelayProcess relay = relay(primary).start()) {
            relay.awaitReady(LIMIT);
            primary.execute("CREATE TABLE steps (what text)");
            try (LocalPostgres end = backup(primary, "end", relay, Map.of());
                    LocalPostgres then = backup(primary, "then", relay, Map.of());
                    LocalPostgres point = backup(primary, "point", relay, Map.of("recovery_target_name", "before_c"))) {
                insert(primary, "a");
                String time = primary.query("SELECT clock_timestamp()");
                insert(primary, "b");
                primary.execute("SELECT pg_create_restore_point('before_c')");
                insert(primary, "c");
                primary.execute("SELECT pg_switch_wal()", "INSERT INTO steps VALUES ('not in a whole segment')");
                Lsn last = primary.flushedLsn();
                ArchiveIT.awaitArchived(relay, last);
                Await.until("the relay to have freed the beginning", LIMIT, () -> ArchiveIT.position(relay, "oldest"), oldest -> oldest.isAfter(last.plus(-(70 << 20))));
                primary.kill();
                then.set("recovery_target_time", time);
                assertEquals("a", recovered(then));
                then.stop(LocalPostgres.StopMode.FAST);
                assertEquals("a b", recovered(point));
                point.stop(LocalPostgres.StopMode.FAST);
                assertEquals("a b c", recovered(end));
            }
        }
    }

    /** The relay gets files from the server that recovers as well, and keeps what it had. */
    @Test
    void withArchiveModeAlwaysNothingForeignIsPushed() throws IOException {
        String push = "%s %%p %%f --relay ".formatted(WalClient.JAVA.script(directory, "push"));
        try (LocalPostgres primary = LocalPostgres.of(programs.server()).segmentSize(SEGMENT).set("wal_keep_size", "256MB").start();
                RelayProcess relay = relay(primary).start()) {
            relay.awaitReady(LIMIT);
            primary.execute("CREATE TABLE steps (what text)");
            Map<String, String> always = Map.of("archive_mode", "always", "archive_command", push + relay.url());
            try (LocalPostgres recovering = backup(primary, "recovering", relay, always)) {
                primary.execute("INSERT INTO steps VALUES ('a')");
                ArchiveIT.write(primary, 3);
                primary.execute("SELECT pg_switch_wal()", "INSERT INTO steps VALUES ('b')");
                Lsn end = primary.flushedLsn();
                ArchiveIT.awaitArchived(relay, end);
                assertEquals("a", recovered(recovering));
                // Its new timeline is not the relay's: the history is kept under its own lineage, the segments are refused.
                ArchiveIT.write(recovering, 3);
                Await.until(
                        "the server to be refused a segment of its own",
                        LIMIT,
                        () -> recovering.query("SELECT coalesce(last_failed_wal, '') FROM pg_stat_archiver"),
                        name -> name.matches("00000002[0-9A-F]{16}"));
                // The history goes first of all that is left, and what was restored, of timeline 1, may follow it.
                assertEquals(
                        "00000002.history.done",
                        recovering.query("SELECT string_agg(name, ' ') FROM pg_ls_archive_statusdir() WHERE name LIKE '00000002%.done'"));
                assertEquals(0, ArchiveIT.metric(relay, "walrelay_archive_conflicts_total"));
                Path wal = primary.dataDirectory().resolve("pg_wal");
                int compared = 0;
                for (Map.Entry<String, Path> object : ArchiveIT.files(directory.resolve("archive")).entrySet()) {
                    if (object.getKey().matches("00000001[0-9A-F]{16}")) {
                        assertArrayEquals(Files.readAllBytes(wal.resolve(object.getKey())), Files.readAllBytes(object.getValue()), object.getKey());
                        compared++;
                    }
                }
                assertTrue(compared >= 3, compared + " segments compared");
            }
        }
    }
}
