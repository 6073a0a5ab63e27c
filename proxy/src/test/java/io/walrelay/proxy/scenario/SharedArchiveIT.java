package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two relays of one primary, and an archive that belongs to neither.
 *
 * <pre>
 *   primary ─┬─▶ one ──┬─▶ archive
 *            └─▶ two ──┘
 * </pre>
 */
@Timeout(200)
final class SharedArchiveIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);

    @TempDir
    private Path directory;

    private RelayProcess relay(LocalPostgres primary, String name) {
        return RelayProcess.of(primary.conninfo(), name, directory.resolve(name), "--archive", "file://" + directory.resolve("archive"))
                .with("WALRELAY_ARCHIVE_COMPRESSION", name.equals("one") ? "none" : "zstd")
                .with("WALRELAY_CACHE_DISK", "512MB")
                .with("WALRELAY_CACHE_KEEP", "0s");
    }

    private static void write(LocalPostgres server, int megabytes) {
        ArchiveIT.write(server, megabytes);
        server.execute("SELECT pg_switch_wal()");
    }

    @Test
    void eachGoesOnWithWhatTheOtherHasPut() throws Exception {
        Path truth = Files.createDirectory(directory.resolve("truth"));
        try (LocalPostgres primary = LocalPostgres.of(Programs.version(15).server())
                        .segmentSize(SEGMENT)
                        .set("archive_mode", "on")
                        .set("archive_command", "cp %%p %s/%%f".formatted(truth))
                        .start();
                RelayProcess one = relay(primary, "one").startReady();
                RelayProcess two = relay(primary, "two").startReady();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, two.conninfo("s")).name("s").start()) {
            Lsn begin = SEGMENT.endOf(primary.flushedLsn());
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            standby.stop(LocalPostgres.StopMode.FAST);
            write(primary, 10);
            ArchiveIT.awaitArchived(one, primary.flushedLsn());
            // What one put while two was away two finds there, in the other's compression.
            two.kill();
            two.awaitExit(LIMIT);
            write(primary, 10);
            ArchiveIT.awaitArchived(one, primary.flushedLsn());
            two.start();
            one.kill();
            one.awaitExit(LIMIT);
            write(primary, 80);
            Lsn end = primary.flushedLsn();
            ArchiveIT.awaitArchived(two, end);
            assertEquals(0, ArchiveIT.metric(two, "walrelay_archive_conflicts_total"));
            assertFalse(two.log().contains("archive-gap"), two::log);

            Await.until("two to have freed what the standby needs", LIMIT, () -> ArchiveIT.position(two, "oldest"), oldest -> oldest.isAfter(begin.plus(30 << 20)));
            standby.start();
            standby.awaitReplay(end, LIMIT);
            assertEquals(primary.query("SELECT count(*) FROM filler"), standby.query("SELECT count(*) FROM filler"));

            Map<String, Path> objects = ArchiveIT.files(directory.resolve("archive"));
            int plain = 0;
            for (Map.Entry<String, Path> object : objects.entrySet()) {
                if (Files.size(object.getValue()) == SEGMENT.bytes()) {
                    assertArrayEquals(Files.readAllBytes(truth.resolve(object.getKey())), Files.readAllBytes(object.getValue()), object.getKey());
                    plain++;
                }
            }
            assertTrue(plain >= 10, plain + " objects are from one");
            assertTrue(objects.size() - plain >= 60, objects.size() - plain + " objects are from two");
        }
    }
}
