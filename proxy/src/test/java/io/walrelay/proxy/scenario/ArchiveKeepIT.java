package io.walrelay.proxy.scenario;

import static io.walrelay.proxy.scenario.ArchiveIT.awaitArchived;
import static io.walrelay.proxy.scenario.ArchiveIT.files;
import static io.walrelay.proxy.scenario.ArchiveIT.metric;
import static io.walrelay.proxy.scenario.ArchiveIT.write;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.WalrelayCommand;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What was in an archive before the relay, and what leaves it. */
@Timeout(300)
final class ArchiveKeepIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);

    @TempDir
    private Path directory;

    private Path archive() {
        return directory.resolve("archive");
    }

    private RelayProcess relay(String upstream) {
        return RelayProcess.of(upstream, "relay", directory.resolve("data"), "--archive", "file://" + archive())
                .with("WALRELAY_ARCHIVE_COMPRESSION", "none")
                .with("WALRELAY_CACHE_KEEP", "0s");
    }

    private static String name(int timeline, Lsn lsn) {
        return new WalFileName.Segment(SegmentId.at(new TimelineId(timeline), lsn, SEGMENT)).fileName(SEGMENT);
    }

    /**
     * <pre>
     *   primary, 1 ──────────┐  archive_command = cp ──▶ a folder
     *   away, stopped ─·     │                              │ archive.import
     *   next, 2              └──────────────── relay ▶ archive
     * </pre>
     *
     * The relay begins after the promotion. The standby that was away needs WAL of both timelines which only the folder has.
     */
    @Test
    void aStandbyFromBeforeTheRelayStreamsWhatCpHadArchivedOverAPromotion() throws Exception {
        Programs programs = Programs.version(15);
        Path folder = Files.createDirectory(directory.resolve("old"));
        try (LocalPostgres primary = LocalPostgres.of(programs.server())
                        .segmentSize(SEGMENT)
                        .name("primary")
                        .set("archive_mode", "on")
                        .set("archive_command", "test ! -f %s/%%f && cp %%p %s/%%f".formatted(folder, folder))
                        .start();
                LocalPostgres next = LocalPostgres.standbyOf(primary, primary.conninfo()).name("next").start();
                RelayProcess relay = relay(next.conninfo()).with("WALRELAY_ARCHIVE_IMPORT", folder.toString());
                LocalPostgres away = LocalPostgres.standbyOf(primary, primary.conninfo()).name("away").start()) {
            away.awaitReplay(primary.flushedLsn(), LIMIT);
            Lsn left = away.replayedLsn();
            away.stop(LocalPostgres.StopMode.FAST);
            write(primary, 5);
            next.awaitReplay(primary.flushedLsn(), LIMIT);
            primary.stop(LocalPostgres.StopMode.FAST);
            next.promote();
            write(next, 5);
            next.execute("SELECT pg_switch_wal()", "CHECKPOINT");
            Lsn before = next.flushedLsn();
            String last = name(2, before.plus(-1));
            Await.until("the new primary to archive " + last, LIMIT, () -> Files.exists(folder.resolve(last)), there -> there);
            Files.writeString(folder.resolve("000000010000000000000001.gz"), "compressed");

            relay.start();
            relay.awaitReady(LIMIT);
            Await.until("the import to end", LIMIT, () -> relay.get("/api/v1/status").body(), body -> body.contains("\"ended\":true"));
            String status = relay.get("/api/v1/status").body();
            assertTrue(status.contains("000000010000000000000001.gz is not imported: compressed (gzip)"), status);
            assertTrue(ArchiveIT.position(relay, "oldest").isAfter(left.plus(8 << 20)), () -> "the relay has from %s on, the standby %s".formatted(ArchiveIT.position(relay, "oldest"), left));

            away.set("primary_conninfo", relay.conninfo("away"));
            away.start();
            write(next, 1);
            away.awaitReplay(next.flushedLsn(), LIMIT);
            assertEquals(next.query("SELECT count(*) FROM filler"), away.query("SELECT count(*) FROM filler"));
            assertEquals(2, away.timeline().value());
            assertTrue(metric(relay, "walrelay_archive_fetched_segments_total") >= 8, relay::metrics);
            assertEquals(0, metric(relay, "walrelay_archive_conflicts_total"));

            // It is remembered: the folder may go.
            assertEquals(143, relay.terminate(LIMIT));
            Files.move(folder, directory.resolve("gone"));
            relay.start();
            relay.awaitReady(LIMIT);
            assertTrue(relay.get("/api/v1/status").body().contains("\"imports\":null"), relay::log);
        }
    }

    private Programs.Result pin(RelayProcess relay, String... arguments) {
        List<String> line = new ArrayList<>(List.of("pin"));
        line.addAll(Arrays.asList(arguments));
        line.addAll(List.of("--url", relay.url()));
        return WalrelayCommand.run(LIMIT, Map.of(), line.toArray(String[]::new));
    }

    private void age() throws Exception {
        List<Path> segments = new ArrayList<>(files(archive()).values());
        for (Path old : segments.subList(0, segments.size() - 9)) {
            Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofHours(2))));
        }
    }

    @Test
    void whatIsOldLeavesTheArchiveButNotWhatAPinKeeps() throws Exception {
        try (LocalPostgres primary = LocalPostgres.of(Programs.version(15).server()).segmentSize(SEGMENT).name("primary").start();
                RelayProcess relay = relay(primary.conninfo()).start()) {
            relay.awaitReady(LIMIT);
            write(primary, 8);
            primary.execute("CHECKPOINT");
            Lsn redo = Lsn.parse(primary.query("SELECT redo_lsn FROM pg_control_checkpoint()"));
            awaitArchived(relay, primary.flushedLsn());
            Await.until("the relay to have the checkpoint", LIMIT, () -> ArchiveIT.position(relay, "written"), written -> written.isAtLeast(primary.flushedLsn()));
            Programs.Result created = pin(relay, "create", "weekly");
            assertTrue(created.status() == 0 && created.output().contains("pin \"weekly\" keeps WAL from %s on timeline 1 on".formatted(redo)), created::output);
            write(primary, 16);
            primary.execute("SELECT pg_switch_wal()");
            awaitArchived(relay, primary.flushedLsn());
            // What the disk has is needed, too, and begins before the pin until it is freed.
            Await.until("the disk to have less than the pin keeps", LIMIT, () -> ArchiveIT.position(relay, "oldest"), oldest -> oldest.isAfter(redo));
            List<String> all = List.copyOf(files(archive()).keySet());
            age();

            relay.with("WALRELAY_ARCHIVE_KEEP", "1h");
            restart(relay);
            String first = name(1, redo);
            awaitDeleted(relay, all.indexOf(first));
            assertEquals(first, files(archive()).keySet().iterator().next());
            String status = WalrelayCommand.run(LIMIT, Map.of(), "status", "--url", relay.url()).output();
            assertTrue(status.contains("keeps WAL for 1h 0min, and from %s on for pin \"weekly\"".formatted(redo)), status);
            String list = pin(relay, "list").output();
            assertTrue(list.contains("weekly") && list.contains("relay_") && list.contains("what the relay with slot relay needs"), list);

            assertEquals(0, pin(relay, "drop", "weekly").status());
            Programs.Result again = pin(relay, "drop", "weekly");
            assertTrue(again.status() == 1 && again.output().contains("no pin \"weekly\""), again::output);
            restart(relay);
            awaitDeleted(relay, all.size() - 9 - all.indexOf(first));
            Programs.Result late = pin(relay, "create", "late", "--lsn", redo.toString());
            assertTrue(late.status() == 1 && late.output().contains("neither the relay's disk nor the archive has WAL at " + redo), late::output);
            Lsn begin = position(files(archive()).keySet().iterator().next());
            Await.until(
                    "the relay to say where its WAL in the archive begins",
                    LIMIT,
                    () -> relay.get("/api/v1/status").body(),
                    body -> body.contains("\"archive\":{\"from\":\"%s\"".formatted(begin)));
        }
    }

    private static Lsn position(String segment) {
        return WalFileName.require(segment, SEGMENT) instanceof WalFileName.Segment(var id) ? id.start(SEGMENT) : Lsn.INVALID;
    }

    private static void restart(RelayProcess relay) {
        assertEquals(143, relay.terminate(LIMIT));
        relay.start();
        relay.awaitReady(LIMIT);
    }

    private static void awaitDeleted(RelayProcess relay, int files) {
        assertTrue(files > 0, "nothing is to be deleted");
        Await.until(
                files + " files to be deleted", LIMIT, () -> metric(relay, "walrelay_archive_deleted_files_total"), deleted -> deleted >= files);
        assertEquals(files, metric(relay, "walrelay_archive_deleted_files_total"));
    }
}
