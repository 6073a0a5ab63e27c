package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.config.UpstreamSettings.Start;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.LocalPostgres.StopMode;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where a relay with a new data directory begins. */
@Timeout(90)
class StartIT {

    @TempDir
    private Path directory;

    private static LocalPostgres primary(int major) {
        return LocalPostgres.of(Servers.version(major)).segmentSize(new SegmentSize(1 << 20)).set("min_wal_size", "64MB").set("wal_keep_size", "64MB").start();
    }

    private static void fillSegments(LocalPostgres server, int count) {
        server.execute("CREATE TABLE IF NOT EXISTS t (i int)");
        for (int i = 0; i < count; i++) {
            server.execute("INSERT INTO t VALUES (1)", "SELECT pg_switch_wal()");
        }
    }

    private static Lsn oldest(LocalPostgres server) {
        String name = server.query("SELECT min(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'");
        long segment = Long.parseLong(name.substring(8, 16), 16) * 4096 + Long.parseLong(name.substring(16), 16);
        return new SegmentSize(1 << 20).start(segment);
    }

    private static Lsn begin(TestLink relay) {
        return relay.cache().gaps().getFirst().to();
    }

    @ParameterizedTest
    @ValueSource(ints = {13, 18})
    void beginsAtTheOldestWalAtAPositionOrAtTheSlot(int major) throws IOException {
        try (LocalPostgres primary = primary(major)) {
            fillSegments(primary, 3);
            Lsn middle = primary.flushedLsn();
            fillSegments(primary, 3);
            primary.execute("CHECKPOINT");
            try (TestLink relay = TestLink.start(directory.resolve("oldest"), TestLink.of(primary), new Start.Oldest())) {
                relay.awaitStreaming();
                relay.awaitAllOf(primary);
                assertEquals(oldest(primary), relay.cache().oldest());
                assertEquals(oldest(primary), begin(relay));
                assertTrue(relay.assertSameWal(primary) >= 6);
            }
            primary.execute("SELECT pg_drop_replication_slot('relay_1')");
            try (TestLink relay = TestLink.start(directory.resolve("at"), TestLink.of(primary), new Start.At(middle))) {
                relay.awaitStreaming();
                relay.awaitAllOf(primary);
                assertEquals(new SegmentSize(1 << 20).startOf(middle), begin(relay));
                assertTrue(relay.assertSameWal(primary) >= 3);
            }
            Lsn slot = Lsn.parse(primary.query("SELECT restart_lsn FROM pg_replication_slots"));
            fillSegments(primary, 2);
            // With a database the slot's position is known on 13 and 14 too.
            try (TestLink relay = TestLink.start(directory.resolve("slot"), TestLink.of(primary) + " dbname=postgres")) {
                relay.awaitStreaming();
                relay.awaitAllOf(primary);
                assertEquals(new SegmentSize(1 << 20).startOf(slot), begin(relay));
            }
        }
    }

    @Test
    void saysThatThePositionIsNotThere() throws IOException {
        try (LocalPostgres primary = primary(15)) {
            try (TestLink relay = TestLink.start(directory.resolve("future"), TestLink.of(primary), new Start.At(Lsn.parse("FF/0")))) {
                relay.awaitProblem("upstream.start is FF/0, but WAL from FF/0 is not there; its end is");
            }
            try (TestLink relay = TestLink.start(directory.resolve("past"), TestLink.of(primary), new Start.At(Lsn.parse("0/100028")))) {
                relay.awaitProblem("upstream.start is 0/100028, but WAL from 0/100000 is not there");
            }
        }
    }

    /**
     * <pre>
     *   timeline 1  ──●──────┐                      before lies there
     *                        └──●────── timeline 2  after lies there
     * </pre>
     */
    @Test
    void beginsOnAnyTimelineOfTheHistory() throws IOException {
        try (LocalPostgres primary = primary(15);
                LocalPostgres next = LocalPostgres.standbyOf(primary, primary.conninfo()).copyWal().start()) {
            fillSegments(primary, 2);
            Lsn before = primary.flushedLsn();
            fillSegments(primary, 2);
            next.awaitReplay(primary.flushedLsn(), TestLink.SOON);
            primary.stop(StopMode.FAST);
            next.promote();
            fillSegments(next, 2);
            for (Start start : new Start[] {new Start.At(before), new Start.Oldest(), new Start.Slot()}) {
                try (TestLink relay = TestLink.start(directory.resolve(start.getClass().getSimpleName()), TestLink.of(next), start)) {
                    relay.awaitStreaming();
                    fillSegments(next, 1);
                    relay.awaitAllOf(next);
                    assertEquals(new TimelineId(2), relay.cache().end().lineage().timeline());
                    assertTrue(relay.cache().history(new TimelineId(2)).isPresent());
                    assertTrue(relay.assertSameWal(next) >= 1);
                    assertTrue(relay.events().stream().noneMatch(e -> e.startsWith("upstream-lost")), relay.events()::toString);
                }
                next.execute("SELECT pg_drop_replication_slot('relay_1')");
            }
        }
    }
}
