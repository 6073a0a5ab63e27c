package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.Gap;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * WAL that upstream has removed before the relay had it:
 *
 * <pre>
 *   upstream   ──────────╳╳╳╳╳╳╳╳╳╳╳╳──────────▶
 *   relay      ──────────●           ●─────────▶    what lies between is a gap for ever
 * </pre>
 */
@Timeout(90)
class GapIT {

    private static final SegmentSize ONE_MEGABYTE = new SegmentSize(1 << 20);

    @TempDir
    private Path directory;

    /** Keeps no more WAL than it must, also for slots. */
    private static LocalPostgres forgetful(int major) {
        return LocalPostgres.of(Servers.version(major))
                .segmentSize(ONE_MEGABYTE)
                .set("min_wal_size", "2MB")
                .set("max_wal_size", "4MB")
                .set("max_slot_wal_keep_size", "2MB")
                .start();
    }

    private static void fillSegments(LocalPostgres primary, int count) {
        primary.execute("CREATE TABLE IF NOT EXISTS t (i int)");
        for (int i = 0; i < count; i++) {
            primary.execute("INSERT INTO t VALUES (1)", "SELECT pg_switch_wal()");
        }
    }

    private static void removeWalBefore(LocalPostgres primary, Lsn position) {
        fillSegments(primary, 12);
        Path segment = primary.dataDirectory()
                .resolve("pg_wal")
                .resolve("00000001%08X%08X".formatted(position.value() >>> 32, ONE_MEGABYTE.segmentNumber(position) % 4096));
        Await.until("the removal of " + segment.getFileName(), TestLink.SOON, () -> {
            primary.execute("INSERT INTO t VALUES (2)", "CHECKPOINT");
            return !Files.exists(segment);
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {14, 15, 18})
    void goesOnAfterAnInvalidatedSlotWithAGapThatItRemembers(int major) throws IOException {
        Path data = directory.resolve("data");
        try (LocalPostgres primary = forgetful(major)) {
            Lsn had;
            try (TestLink relay = TestLink.start(data, TestLink.of(primary) + " dbname=postgres")) {
                relay.awaitStreaming();
                fillSegments(primary, 2);
                had = relay.awaitAllOf(primary);
            }
            removeWalBefore(primary, had);
            assertEquals("lost", primary.query("SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'relay_1'"));
            try (TestLink relay = TestLink.start(data, TestLink.of(primary) + " dbname=postgres")) {
                relay.awaitEvent("wal-gap");
                fillSegments(primary, 1);
                Lsn now = relay.awaitAllOf(primary);

                assertTrue(relay.assertSameWal(primary) >= 1);
                List<Gap> gaps = relay.cache().gaps();
                assertEquals(2, gaps.size(), gaps::toString);
                assertTrue(gaps.getLast().from().isAtLeast(had) && gaps.getLast().to().isBefore(now), gaps::toString);
                assertEquals(gaps.getLast().to(), relay.cache().oldest());
                Await.until(
                        "the slot to hold WAL again",
                        TestLink.SOON,
                        () -> primary.query("SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'relay_1'"),
                        status -> status.equals("reserved") || status.equals("extended"));
            }
            try (TestLink relay = TestLink.start(data, TestLink.of(primary))) {
                assertEquals(2, relay.cache().gaps().size());
                relay.awaitStreaming();
                fillSegments(primary, 1);
                relay.awaitAllOf(primary);
                assertTrue(relay.events().stream().noneMatch(e -> e.startsWith("wal-gap")), relay.events()::toString);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void waitsForAHostThatCannotBeAskedBeforeItAcceptsAGap(int major) throws IOException {
        Path data = directory.resolve("data");
        try (LocalPostgres primary = forgetful(major)) {
            Lsn had;
            try (TestLink relay = TestLink.start(data, TestLink.of(primary))) {
                relay.awaitStreaming();
                fillSegments(primary, 2);
                had = relay.awaitAllOf(primary);
            }
            removeWalBefore(primary, had);
            String withAnother = "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres sslmode=disable".formatted(primary.port(), FreePort.next());
            try (TestLink relay = TestLink.start(data, withAnother)) {
                relay.awaitProblem("which can't be asked now; a gap is accepted only after a while");
                assertTrue(relay.events().stream().noneMatch(e -> e.startsWith("wal-gap")), relay.events()::toString);
                assertEquals(1, relay.cache().gaps().size(), relay.cache().gaps()::toString);
                relay.awaitEvent("wal-gap");
                relay.awaitAllOf(primary);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void tellsAStandbyThatNeedsTheGapThatItHasBeenRemoved(int major) throws IOException {
        try (LocalPostgres primary = forgetful(major);
                RelayProcess relay = RelayProcess.of(TestLink.of(primary), "relay_1", directory.resolve("data")).start()) {
            fillSegments(primary, 2);
            Lsn had = primary.flushedLsn();
            Await.until(
                    "the relay to have " + had,
                    TestLink.SOON,
                    () -> Lsn.parse(primary.query("SELECT coalesce(max(flush_lsn), '0/0') FROM pg_stat_replication WHERE application_name = 'relay_1'")),
                    lsn -> lsn.isAtLeast(had));
            Programs programs = Programs.version(major);
            Path before = receive(programs, relay, "before", had);
            relay.terminate(TestLink.SOON);
            primary.execute("SELECT pg_drop_replication_slot('relay_1')");
            removeWalBefore(primary, had);

            relay.start();
            Await.until("the gap to be found", TestLink.SOON, () -> relay.log().contains("is lost to the relay: no upstream has it any more"));

            // It follows what there is up to the gap, and goes no further.
            Programs.Result blocked = programs.run(TestLink.SOON, "pg_receivewal", "-D", before.toString(), "--no-loop", "-d", relay.conninfo());
            assertTrue(blocked.output().contains("has already been removed"), blocked::output);
            fillSegments(primary, 2);
            receive(programs, relay, "after", primary.flushedLsn());
        }
    }

    /** What pg_receivewal gets from the relay up to {@code end}. */
    private Path receive(Programs programs, RelayProcess relay, String name, Lsn end) throws IOException {
        Path into = Files.createDirectory(directory.resolve(name));
        try (ExternalProcess receiver =
                programs.start("pg_receivewal", "-D", into.toString(), "--no-loop", "--endpos=" + end, "-d", relay.conninfo())) {
            assertEquals(0, receiver.awaitExit(TestLink.SOON), receiver.output());
        }
        return into;
    }
}
