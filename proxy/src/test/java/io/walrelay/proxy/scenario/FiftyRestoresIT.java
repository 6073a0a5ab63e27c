package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.WalClient;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Fifty servers' restore_commands at once, of twenty segments each that only the archive has: half of them the same twenty, half others. */
@Timeout(300)
final class FiftyRestoresIT {

    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final int SERVERS = 50;
    private static final int SEGMENTS = 20;

    @TempDir
    private Path directory;

    private static List<String> names(long first) {
        return LongStream.range(first, first + SEGMENTS)
                .mapToObj(n -> new WalFileName.Segment(new SegmentId(new TimelineId(1), n)).fileName(SEGMENT))
                .toList();
    }

    @Test
    void allGetTheServersBytes() throws Exception {
        Path script = WalClient.DASH.script(directory, "restore");
        try (LocalPostgres primary = LocalPostgres.of(Programs.version(15).server()).segmentSize(SEGMENT).set("wal_keep_size", "1GB").start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"), "--archive", "file://" + directory.resolve("archive"))
                        .with("WALRELAY_CACHE_DISK", "512MB")
                        .with("WALRELAY_CACHE_KEEP", "0s")
                        .start()) {
            relay.awaitReady(LIMIT);
            long oldest = SEGMENT.segmentNumber(primary.flushedLsn()) + 1;
            ArchiveIT.write(primary, 100);
            primary.execute("SELECT pg_switch_wal()", "INSERT INTO filler VALUES ('one more')");
            Lsn end = primary.flushedLsn();
            ArchiveIT.awaitArchived(relay, end);
            Lsn archiveOnly = SEGMENT.start(oldest + 2 * SEGMENTS);
            Await.until("the relay to have freed the oldest", LIMIT, () -> ArchiveIT.position(relay, "oldest"), freed -> freed.isAtLeast(archiveOnly));
            List<String> some = names(oldest);
            List<String> others = names(oldest + SEGMENTS);
            List<ExternalProcess> servers = new ArrayList<>();
            try {
                for (int i = 0; i < SERVERS; i++) {
                    Path to = Files.createDirectory(directory.resolve("server" + i));
                    String loop = "for f in %s; do %s --relay %s --mode pitr $f %s/$f || exit; done".formatted(String.join(" ", i % 2 == 0 ? some : others), script, relay.url(), to);
                    servers.add(ExternalProcess.start(List.of("dash", "-c", loop)));
                }
                for (ExternalProcess server : servers) {
                    assertEquals(0, server.awaitExit(LIMIT), server::output);
                }
            } finally {
                servers.forEach(ExternalProcess::close);
            }
            for (int i = 0; i < SERVERS; i++) {
                for (String name : i % 2 == 0 ? some : others) {
                    assertArrayEquals(
                            Files.readAllBytes(primary.dataDirectory().resolve("pg_wal").resolve(name)),
                            Files.readAllBytes(directory.resolve("server" + i).resolve(name)),
                            name);
                }
            }
            double fetched = ArchiveIT.metric(relay, "walrelay_archive_fetched_segments_total");
            assertTrue(fetched >= 2 * SEGMENTS && fetched < 4 * SEGMENTS, fetched + " segments were fetched; 40 were asked for, each by 25 servers");
        }
    }
}
