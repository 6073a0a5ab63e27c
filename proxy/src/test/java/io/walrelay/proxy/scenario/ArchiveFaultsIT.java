package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.ArchiveLocation;
import io.walrelay.cache.archive.Fault;
import io.walrelay.cache.archive.ObjectStore;
import io.walrelay.cache.archive.S3MockServer;
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
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * An object store that is away, slow or full, that answers nonsense, and that loses an object.
 *
 * <pre>
 *   primary ──▶ relay ──▶ standby, away for longer than the relay's disk holds
 *      │          └─────▶ faults ──▶ S3
 *      └── archive_command = cp ──▶ the truth
 * </pre>
 */
@Timeout(240)
final class ArchiveFaultsIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);

    private static final Fault WELL = new Fault.None();
    private static final String NOTHING = "";
    private static final String GARBAGE = "<html>It works!</html>".repeat(200);

    @TempDir
    private Path directory;

    private final HttpClient http = HttpClient.newHttpClient();
    private S3MockServer s3;
    private LocalPostgres primary;
    private RelayProcess relay;

    @BeforeEach
    void start() throws IOException {
        s3 = S3MockServer.start(Files.createDirectory(directory.resolve("s3")));
        primary = LocalPostgres.of(Programs.version(15).server())
                .segmentSize(SEGMENT)
                .name("primary")
                .set("archive_mode", "on")
                .set("archive_command", "cp %%p %s/%%f".formatted(Files.createDirectory(directory.resolve("truth"))))
                .start();
        relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"), "--archive", s3.url("cluster"))
                .with("WALRELAY_CACHE_DISK", "512MB")
                .with("WALRELAY_CACHE_KEEP", "0s")
                .start();
    }

    @AfterEach
    void close() {
        relay.close();
        primary.close();
        s3.close();
        http.close();
    }

    private static String name(long segment) {
        return new WalFileName.Segment(new SegmentId(new TimelineId(1), segment)).fileName(SEGMENT);
    }

    private static boolean isSegment(String path) {
        return path.matches(".*/[0-9A-F]{24}");
    }

    private byte[] truth(long segment) throws IOException {
        Path file = directory.resolve("truth").resolve(name(segment));
        Await.until("the primary to archive " + file, LIMIT, () -> Files.exists(file) && Files.size(file) == SEGMENT.bytes(), there -> there);
        return Files.readAllBytes(file);
    }

    private HttpResponse<byte[]> send(String path, HttpRequest.Builder request) throws IOException, InterruptedException {
        return http.send(request.uri(URI.create(relay.url() + path)).timeout(LIMIT).build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    private HttpResponse<byte[]> get(long segment) throws IOException, InterruptedException {
        return send("/wal/%s?mode=pitr".formatted(name(segment)), HttpRequest.newBuilder());
    }

    /** Commits go on, and are kept on the relay's disk. */
    private void writeUnder(Fault.Of faults) throws Exception {
        s3.faults(faults);
        ArchiveIT.write(primary, 3);
        primary.execute("SELECT pg_switch_wal()");
        Lsn end = primary.flushedLsn();
        Await.until("the relay to acknowledge " + end, LIMIT, () -> ArchiveIT.position(relay, "acknowledged"), acknowledged -> acknowledged.isAtLeast(end));
        assertEquals(200, relay.get("/readyz").statusCode(), relay::log);
    }

    private void awaitReachable(int reachable) {
        Await.until("archive_reachable to be " + reachable, LIMIT, () -> ArchiveIT.metric(relay, "walrelay_archive_reachable"), now -> now == reachable);
    }

    @Test
    void whateverTheStoreDoesNothingIsLostAndAStandbyThatWasAwayCatchesUp() throws Exception {
        try (LocalPostgres standby = LocalPostgres.standbyOf(primary, relay.conninfo("away")).name("away").start()) {
            relay.awaitReady(LIMIT);
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            Lsn left = standby.replayedLsn();
            long first = SEGMENT.segmentNumber(SEGMENT.endOf(primary.flushedLsn()));
            standby.stop(LocalPostgres.StopMode.FAST);

            writeUnder((_, _) -> new Fault.Cut());
            awaitReachable(0);
            Lsn unreachable = ArchiveIT.position(relay, "archived");
            assertTrue(unreachable.isBefore(primary.flushedLsn()), "nothing is said to be archived that is not");
            writeUnder((method, _) -> method.equals("PUT") ? new Fault.Answer(507, NOTHING) : WELL);
            assertEquals(0, ArchiveIT.metric(relay, "walrelay_archive_reachable"), "full");
            writeUnder((method, path) -> method.equals("GET") && isSegment(path) ? new Fault.Answer(200, GARBAGE) : WELL);
            writeUnder((_, _) -> new Fault.Slow(Duration.ofMillis(150)));

            s3.faults((_, _) -> WELL);
            ArchiveIT.write(primary, 50);
            primary.execute("SELECT pg_switch_wal()");
            Lsn end = primary.flushedLsn();
            ArchiveIT.awaitArchived(relay, end);
            awaitReachable(1);
            assertEquals(0, ArchiveIT.metric(relay, "walrelay_archive_conflicts_total"));
            assertFalse(relay.log().contains("archive-gap"), relay::log);
            Await.until("the relay to have freed what the standby needs", LIMIT, () -> ArchiveIT.position(relay, "oldest"), oldest -> oldest.isAfter(left.plus(20 << 20)));

            faultsAreNotAbsence(first + 1);
            aLostObjectIsAbsentUntilItIsPushed(first + 6);

            s3.faults((method, path) -> method.equals("GET") && isSegment(path) ? new Fault.Cut() : WELL);
            standby.start();
            double failures = ArchiveIT.metric(relay, "walrelay_archive_fetch_failures_total");
            Await.until("the standby to ask in vain", LIMIT, () -> ArchiveIT.metric(relay, "walrelay_archive_fetch_failures_total"), now -> now > failures);
            s3.faults((_, _) -> WELL);
            standby.awaitReplay(end, LIMIT);
            assertEquals(primary.query("SELECT count(*) FROM filler"), standby.query("SELECT count(*) FROM filler"));
            assertFalse(standby.log().contains("has already been removed"), standby::log);
            assertTrue(ArchiveIT.metric(relay, "walrelay_archive_fetched_segments_total") >= 20, relay::metrics);
            for (long segment = first; segment < SEGMENT.segmentNumber(left.plus(20 << 20)); segment++) {
                assertArrayEquals(truth(segment), get(segment).body(), name(segment));
            }
        }
    }

    /** Older WAL may be freed later than newer, when it was archived later. */
    private void awaitFreed(long segment) {
        Path file = relay.data().resolve("wal").resolve(name(segment));
        Await.until("the relay to free " + file, LIMIT, () -> Files.exists(file), there -> !there);
    }

    private void faultsAreNotAbsence(long segment) throws Exception {
        awaitFreed(segment);
        Fault[] faults = {new Fault.Cut(), new Fault.Answer(500, NOTHING), new Fault.Answer(200, GARBAGE)};
        for (Fault fault : faults) {
            s3.faults((_, path) -> path.endsWith(name(segment)) ? fault : WELL);
            HttpResponse<byte[]> response = get(segment);
            assertEquals(503, response.statusCode(), () -> "%s: %s, oldest %s".formatted(fault, response.headers().map(), ArchiveIT.position(relay, "oldest")));
        }
        s3.faults((_, _) -> WELL);
        assertArrayEquals(truth(segment), get(segment).body());
    }

    private void aLostObjectIsAbsentUntilItIsPushed(long segment) throws Exception {
        awaitFreed(segment);
        try (ObjectStore store = ArchiveLocation.parse(s3.url("cluster")).open()) {
            List<String> keys = new ArrayList<>();
            store.list("", listed -> keys.add(listed.key()));
            store.delete(keys.stream().filter(key -> key.endsWith(name(segment))).findFirst().orElseThrow());
        }
        HttpResponse<byte[]> response = get(segment);
        assertEquals(404, response.statusCode());
        assertEquals(Optional.of(name(segment)), response.headers().firstValue("x-walrelay-absent"));
        assertEquals(201, send("/wal/" + name(segment), HttpRequest.newBuilder().PUT(HttpRequest.BodyPublishers.ofByteArray(truth(segment)))).statusCode());
        assertArrayEquals(truth(segment), get(segment).body());
    }
}
