package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A relay with an archive behind it.
 *
 * <pre>
 *   primary ──▶ relay ──▶ standby
 *      │          └─────▶ archive (a directory)
 *      └── archive_command = cp ──▶ what the archive is compared with
 * </pre>
 */
@Timeout(300)
final class ArchiveIT {

    private static final Logger log = LoggerFactory.getLogger(ArchiveIT.class);
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);

    @TempDir
    private Path directory;

    private Path archive() {
        return directory.resolve("archive");
    }

    private LocalPostgres primary(Programs programs) throws IOException {
        Path truth = Files.createDirectory(directory.resolve("truth"));
        return LocalPostgres.of(programs.server())
                .segmentSize(SEGMENT)
                .name("primary")
                .set("archive_mode", "on")
                .set("archive_command", "cp %%p %s/%%f".formatted(truth))
                .start();
    }

    private RelayProcess relay(String upstream) {
        return RelayProcess.of(upstream, "relay", directory.resolve("data"), "--archive", "file://" + archive());
    }

    static void write(LocalPostgres server, int megabytes) {
        server.execute(
                "CREATE TABLE IF NOT EXISTS filler (noise text)",
                "ALTER TABLE filler ALTER noise SET STORAGE EXTERNAL",
                "INSERT INTO filler SELECT string_agg(md5(random()::text), '') FROM generate_series(1, %d) n, generate_series(1, 3000) m GROUP BY n".formatted(10 * megabytes));
    }

    /** The files of an archive that are PostgreSQL's, by name. */
    static Map<String, Path> files(Path archive) throws IOException {
        try (Stream<Path> all = Files.walk(archive)) {
            return all.filter(Files::isRegularFile)
                    .filter(file -> String.valueOf(file.getFileName()).matches("[0-9A-F]{8}(\\.history|[0-9A-F]{16}(\\.partial)?)"))
                    .collect(Collectors.toMap(file -> String.valueOf(file.getFileName()), file -> file, (a, b) -> a, TreeMap::new));
        }
    }

    static double metric(RelayProcess relay, String name) {
        return find(relay, name).orElseThrow(() -> new AssertionError("no metric %s in %s".formatted(name, relay.metrics())));
    }

    private static OptionalDouble find(RelayProcess relay, String name) {
        return relay.metrics().lines()
                .filter(line -> line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
                .findFirst();
    }

    /** Invalid while the relay does not say: it has no WAL yet, or does not archive yet. */
    static Lsn position(RelayProcess relay, String stage) {
        return new Lsn((long) find(relay, "walrelay_wal_position_bytes{stage=\"%s\"}".formatted(stage)).orElse(0));
    }

    static void awaitArchived(RelayProcess relay, Lsn position) {
        try {
            Await.until(
                    "the relay to have archived up to " + position,
                    LIMIT,
                    () -> position(relay, "archived"),
                    archived -> archived.isAtLeast(SEGMENT.startOf(position)));
        } catch (Await.TimedOut e) {
            String positions = relay.metrics().lines().filter(line -> line.contains("_wal_position_bytes{")).collect(Collectors.joining("\n"));
            throw new AssertionError("%s%n%s%nThe relay's log:%n%s".formatted(e.getMessage(), positions, relay.logWithThreads()), e);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void aStandbyThatWasAwayForLongerThanTheDiskHoldsStreamsOn(int version) throws Exception {
        Programs programs = Programs.version(version);
        try (LocalPostgres primary = primary(programs);
                RelayProcess relay = relay(primary.conninfo()).with("WALRELAY_CACHE_DISK", "512MB").with("WALRELAY_CACHE_KEEP", "0s").startReady();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, relay.conninfo("away")).name("away").start()) {
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            Lsn left = standby.replayedLsn();
            standby.stop(LocalPostgres.StopMode.FAST);
            write(primary, 120);
            primary.execute("SELECT pg_switch_wal()");
            Lsn end = primary.flushedLsn();
            awaitArchived(relay, end);
            Await.until(
                    "the relay to have freed what the standby needs",
                    LIMIT,
                    () -> position(relay, "oldest"),
                    oldest -> oldest.isAfter(left.plus(50 << 20)));
            standby.start();
            standby.awaitReplay(end, LIMIT);
            assertEquals(primary.query("SELECT count(*) FROM filler"), standby.query("SELECT count(*) FROM filler"));
            assertTrue(metric(relay, "walrelay_archive_fetched_segments_total") >= 50, relay::metrics);
            // Live again, and not by way of the archive.
            primary.execute("INSERT INTO filler VALUES ('live')");
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            assertTrue(!standby.log().contains("has already been removed"), standby::log);
        }
    }

    @Test
    void killedAtAnyTimeTheArchiveHasAllThatThePrimaryArchived() throws Exception {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        log.info("replay with -Dwalrelay.seed={}", seed);
        Random random = new Random(seed);
        try (LocalPostgres primary = primary(Programs.version(15));
                RelayProcess relay = relay(primary.conninfo()).with("WALRELAY_ARCHIVE_COMPRESSION", "none").start()) {
            relay.awaitReady(LIMIT);
            Lsn begin = SEGMENT.endOf(primary.flushedLsn());
            for (int kill = 0; kill < 5; kill++) {
                write(primary, 4 + random.nextInt(8));
                Lsn some = Lsn.max(begin, primary.flushedLsn().plus(-random.nextInt(6 << 20)));
                awaitArchived(relay, some);
                relay.kill();
                relay.awaitExit(LIMIT);
                relay.start();
            }
            primary.execute("SELECT pg_switch_wal()", "CHECKPOINT");
            Lsn end = primary.flushedLsn();
            awaitArchived(relay, end);
            Map<String, Path> archived = files(archive());
            int compared = 0;
            for (long n = SEGMENT.segmentNumber(begin); n < SEGMENT.segmentNumber(end); n++) {
                String name = new WalFileName.Segment(new SegmentId(new TimelineId(1), n)).fileName(SEGMENT);
                Path truth = directory.resolve("truth").resolve(name);
                Await.until("the primary to archive " + name, LIMIT, () -> Files.exists(truth) && Files.size(truth) == SEGMENT.bytes(), there -> there);
                assertTrue(archived.containsKey(name), () -> "%s is not archived; there are %s".formatted(name, archived.keySet()));
                assertArrayEquals(Files.readAllBytes(truth), Files.readAllBytes(archived.get(name)), name);
                compared++;
            }
            assertTrue(compared > 15, compared + " segments compared");
            assertEquals(0, metric(relay, "walrelay_archive_conflicts_total"));
        }
    }

    /** An archive that is behind an unmounted directory knows nothing: nothing is taken for archived, and standbys do not notice. */
    @Test
    void anArchiveThatIsAwayIsCaughtUpWith() throws Exception {
        try (LocalPostgres primary = primary(Programs.version(15));
                RelayProcess relay = relay(primary.conninfo()).startReady();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, relay.conninfo("s")).name("s").start()) {
            write(primary, 3);
            awaitArchived(relay, primary.flushedLsn());
            Path away = directory.resolve("unmounted");
            Files.move(archive(), away);
            Files.createDirectory(archive());
            write(primary, 5);
            Await.until(
                    "the relay to see that its archive is away", LIMIT, () -> metric(relay, "walrelay_archive_reachable"), reachable -> reachable == 0);
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            assertEquals(200, relay.get("/readyz").statusCode());
            assertTrue(relay.get("/api/v1/status").body().contains("it has no walrelay-archive; is it mounted?"), () -> relay.log());
            try (Stream<Path> nothing = Files.list(archive())) {
                assertEquals(0, nothing.count());
            }
            Files.delete(archive());
            Files.move(away, archive());
            Lsn end = primary.flushedLsn();
            awaitArchived(relay, end);
            assertEquals(1, metric(relay, "walrelay_archive_reachable"));
        }
    }

    @Test
    void aPromotionIsArchivedWithItsHistoryAndTheEndOfTheOldTimeline() throws Exception {
        Programs programs = Programs.version(15);
        try (LocalPostgres primary = primary(programs);
                LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo()).name("next").start();
                RelayProcess relay = relay("host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres dbname=postgres".formatted(primary.port(), standby.port())).start()) {
            write(primary, 3);
            awaitArchived(relay, primary.flushedLsn());
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            primary.stop(LocalPostgres.StopMode.FAST);
            standby.promote();
            write(standby, 3);
            Lsn end = standby.flushedLsn();
            awaitArchived(relay, end);
            Map<String, Path> archived = files(archive());
            assertTrue(archived.containsKey("00000002.history"), archived::toString);
            assertTrue(archived.keySet().stream().anyMatch(name -> name.startsWith("00000001") && name.endsWith(".partial")), archived::toString);
            assertTrue(archived.keySet().stream().anyMatch(name -> name.matches("00000002[0-9A-F]{16}")), archived::toString);
        }
    }
}
