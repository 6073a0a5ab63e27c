package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Bytes that rotted on the relay's disk, or on the primary's as well. They are spoiled while the relay is stopped and its archive has not
 * got them yet, since a file lies where its directory should be.
 */
@Timeout(200)
final class DamagedWalIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final int OFFSET = 400_000;

    @TempDir
    private Path directory;

    private LocalPostgres primary;
    private RelayProcess relay;
    private Path archive;
    /** Where the segment begins that is spoiled. */
    private Lsn damaged;
    private String spoiled;
    private byte[] truth;

    @BeforeEach
    void fill() throws IOException {
        archive = Files.writeString(directory.resolve("archive"), "in the way");
        primary = LocalPostgres.of(Programs.version(15).server()).segmentSize(SEGMENT).set("wal_keep_size", "1GB").start();
        relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"), "--archive", "file://" + archive)
                .with("WALRELAY_ARCHIVE_COMPRESSION", "none")
                .start();
        relay.awaitReady(LIMIT);
        damaged = SEGMENT.endOf(primary.flushedLsn());
        spoiled = new WalFileName.Segment(SegmentId.at(new TimelineId(1), damaged, SEGMENT)).fileName(SEGMENT);
        write();
        awaitWritten();
        relay.terminate(LIMIT);
        truth = Files.readAllBytes(primary.dataDirectory().resolve("pg_wal").resolve(spoiled));
        spoil(directory.resolve("data/wal").resolve(spoiled));
    }

    @AfterEach
    void close() {
        relay.close();
        primary.close();
    }

    private void write() {
        primary.execute(
                "CREATE TABLE IF NOT EXISTS filler (noise text)",
                "INSERT INTO filler SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 4000) n, generate_series(1, 40) m GROUP BY n",
                "SELECT pg_switch_wal()",
                "INSERT INTO filler VALUES ('after')");
    }

    private void awaitWritten() {
        Lsn end = primary.flushedLsn();
        Await.until("the relay to have " + end, LIMIT, () -> ArchiveIT.position(relay, "written"), written -> written.isAtLeast(end));
    }

    private static void spoil(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer byteThere = ByteBuffer.allocate(1);
            channel.read(byteThere, OFFSET);
            byteThere.put(0, (byte) ~byteThere.get(0)).rewind();
            channel.write(byteThere, OFFSET);
        }
    }

    private void clearTheWay() throws IOException {
        Files.delete(archive);
    }

    @Test
    void whatOnlyTheRelayHasWrongComesAgainFromUpstream() throws Exception {
        clearTheWay();
        relay.start();
        ArchiveIT.awaitArchived(relay, primary.flushedLsn());
        assertTrue(relay.log().contains("event=\"wal-mended\""), relay::log);
        assertArrayEquals(truth, Files.readAllBytes(ArchiveIT.files(archive).get(spoiled)));
        assertArrayEquals(truth, Files.readAllBytes(directory.resolve("data/wal").resolve(spoiled)));
        relay.awaitReady(LIMIT);
    }

    @Test
    void whatUpstreamHasWrongTooIsSaidAndNotArchived() throws Exception {
        spoil(primary.dataDirectory().resolve("pg_wal").resolve(spoiled));
        clearTheWay();
        for (int start = 0; start < 2; start++) {
            relay.start();
            Await.until("the relay to say so", LIMIT, () -> relay.get("/readyz").body(), body -> body.contains("wal-damaged: WAL is damaged on upstream, too: timeline 1: "));
            String next = new WalFileName.Segment(SegmentId.at(new TimelineId(1), SEGMENT.endOf(damaged), SEGMENT)).fileName(SEGMENT);
            Await.until("the next segment to be archived", LIMIT, () -> ArchiveIT.files(archive), files -> files.containsKey(next));
            assertFalse(ArchiveIT.files(archive).containsKey(spoiled));
            Programs.Result push = WalrelayCommand.run(
                    LIMIT, Map.of(), "push", primary.dataDirectory().resolve("pg_wal").resolve(spoiled).toString(), spoiled, "--relay", relay.url());
            assertTrue(push.status() == 1 && push.output().contains("CAN'T BE ARCHIVED") && push.output().contains("WAL is damaged, timeline 1: "), push::output);
            if (start == 0) {
                relay.terminate(LIMIT);
            }
        }
        // Commits need not wait for somebody to come.
        write();
        awaitWritten();
        Lsn end = primary.flushedLsn();
        Await.until("the relay to acknowledge " + end, LIMIT, () -> ArchiveIT.position(relay, "acknowledged"), acknowledged -> acknowledged.isAtLeast(end));
    }

    @Test
    void orNothingIsAcknowledgedFromThereOn() throws Exception {
        spoil(primary.dataDirectory().resolve("pg_wal").resolve(spoiled));
        clearTheWay();
        relay.with("WALRELAY_VERIFY", "ack").start();
        relay.awaitHttp("/readyz", 503, LIMIT);
        write();
        awaitWritten();
        Await.until(
                "the slot to stand before the damage",
                LIMIT,
                () -> restart("relay"),
                position -> SEGMENT.startOf(position).equals(damaged));
    }

    /** Without an archive only what comes is verified, so a restart finds nothing: it has to know. */
    @Test
    void thatNothingIsAcknowledgedOutlivesARestartWithoutAnArchive() throws Exception {
        try (RelayProcess other = RelayProcess.of(primary.conninfo(), "other", directory.resolve("other")).with("WALRELAY_VERIFY", "ack").start()) {
            other.awaitReady(LIMIT);
            other.terminate(LIMIT);
            Lsn bad = SEGMENT.endOf(primary.flushedLsn());
            write();
            write();
            spoil(primary.dataDirectory().resolve("pg_wal").resolve(new WalFileName.Segment(SegmentId.at(new TimelineId(1), bad, SEGMENT)).fileName(SEGMENT)));
            other.start();
            awaitDamaged(other, "WAL is damaged on upstream, too: timeline 1: ");
            other.terminate(LIMIT);
            other.start();
            awaitDamaged(other, "wal-damaged");
            write();
            Lsn end = primary.flushedLsn();
            Await.until("the relay to have " + end, LIMIT, () -> ArchiveIT.position(other, "written"), written -> written.isAtLeast(end));
            Await.until("the slot to stand before the damage", LIMIT, () -> restart("other"), position -> SEGMENT.startOf(position).equals(bad));
            other.terminate(LIMIT);
            other.with("WALRELAY_VERIFY", "archive").start();
            Await.until("the relay to acknowledge again", LIMIT, () -> restart("other"), position -> position.isAtLeast(end));
        }
    }

    private Lsn restart(String slot) {
        return Lsn.parse(primary.query("SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = '%s'".formatted(slot)));
    }

    private static void awaitDamaged(RelayProcess process, String problem) {
        Await.until("the relay to say so", LIMIT, () -> process.get("/readyz").body(), body -> body.contains(problem));
    }

    @Test
    void orItIsOnlySaid() throws Exception {
        spoil(primary.dataDirectory().resolve("pg_wal").resolve(spoiled));
        clearTheWay();
        relay.with("WALRELAY_VERIFY", "report").start();
        ArchiveIT.awaitArchived(relay, primary.flushedLsn());
        assertTrue(ArchiveIT.files(archive).containsKey(spoiled));
        assertTrue(relay.log().contains("event=\"wal-damaged\""), relay::log);
    }
}
