package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Three hosts, two failovers within one segment; then the first primary is started again as if nothing had happened.
 *
 * <pre>
 *   timeline 1  first  ──────●╳ killed               started again: ──── stale, never followed
 *   timeline 2  second       └─────●╳ killed
 *   timeline 3  third              └──────────── (a standby behind the relay until then)
 *
 *   first ─▶ second
 *   first | second | third ─▶ relay ─▶ third, a, late       a is never touched; late was down for both promotions
 * </pre>
 */
final class TwoPromotionsIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void standbysGetBothTimelinesAndAStalePrimaryIsNotGoneBackTo(int version) throws IOException {
        try (LocalPostgres first = LocalPostgres.of(Servers.version(version)).name("first").start();
                LocalPostgres second = LocalPostgres.standbyOf(first, first.conninfo()).name("second").start();
                LocalPostgres third = LocalPostgres.standbyOf(first, first.conninfo()).name("third").start();
                RelayProcess relay = RelayProcess.of(
                                "host=127.0.0.1,127.0.0.1,127.0.0.1 port=%d,%d,%d user=postgres".formatted(first.port(), second.port(), third.port()),
                                "relay",
                                directory.resolve("data"))
                        .startReady();
                LocalPostgres a = LocalPostgres.standbyOf(first, relay.conninfo("a")).name("a").start();
                LocalPostgres late = LocalPostgres.standbyOf(first, relay.conninfo("late")).name("late").start()) {
            third.set("primary_conninfo", relay.conninfo("third"));
            third.reload();
            load(first, 20);
            Ledger.assertEqualOn(first, LIMIT, second, third, a, late);
            late.stop(LocalPostgres.StopMode.FAST);

            first.kill();
            second.promote();
            load(second, 20);
            Ledger.assertEqualOn(second, LIMIT, third, a);

            second.kill();
            third.promote();
            load(third, 20);
            late.start();
            Ledger.assertEqualOn(third, LIMIT, a, late);
            assertEquals(new TimelineId(3), a.timeline(), "the timeline of a");
            assertEquals(new TimelineId(3), late.timeline(), "the timeline of late");
            assertBothSwitchesInOneSegment(history(third));
            assertEquals(history(third), history(a), "the history that a got from the relay");
            assertEquals(history(third), history(late), "the history that late got from the relay");

            // With its own upstream gone and only the stale one there, the relay waits for somebody to decide.
            third.stop(LocalPostgres.StopMode.FAST);
            first.start();
            first.execute("INSERT INTO ledger VALUES (1000, 'stale')");
            relay.kill();
            relay.start();
            RelayStatus.await("the relay to see the stale primary", relay, LIMIT, s -> s.upstream().problem().orElse("").contains("left"));
            third.start();
            load(third, 20);
            Ledger.assertEqualOn(third, LIMIT, a, late);
            StatusReport status = RelayStatus.awaitStreaming(relay, third, LIMIT);
            assertTrue(status.ready(), status.reasons()::toString);
            assertTrue(status.wal().orElseThrow().orphans().isEmpty(), status::toString);
            assertFalse(a.query("SELECT count(*) FROM ledger WHERE id = 1000").equals("1"), "a row of the stale primary");
        }
    }

    private static void assertBothSwitchesInOneSegment(TimelineHistory history) {
        assertEquals(2, history.ancestors().size(), history::format);
        Lsn one = history.ancestors().get(0).switchPoint();
        Lsn two = history.ancestors().get(1).switchPoint();
        assertTrue(one.isBefore(two), history::format);
        assertEquals(SegmentSize.DEFAULT.segmentNumber(one), SegmentSize.DEFAULT.segmentNumber(two), history::format);
    }

    private static TimelineHistory history(LocalPostgres server) throws IOException {
        return TimelineHistory.parse(new TimelineId(3), Files.readString(server.dataDirectory().resolve("pg_wal/00000003.history")));
    }

    private static void load(LocalPostgres server, int rows) {
        try (Ledger ledger = Ledger.on(server, 100)) {
            Ledger.awaitRow(ledger.confirmed() + rows, server, LIMIT);
            ledger.stop();
        }
    }
}
