package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** Standbys that come back late, and one that is ahead of the relay. */
@Timeout(180)
@ParameterizedClass
@ValueSource(ints = {15, 18})
final class BehindAndAheadIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String HUNDRED_SEGMENTS =
            "SELECT pg_logical_emit_message(false, 'filler', repeat('0123456789abcdef', 65536)) FROM generate_series(1, 100)";

    private final Programs programs;

    @TempDir
    private Path directory;

    BehindAndAheadIT(int version) {
        programs = Programs.version(version);
    }

    /**
     * <pre>
     *   primary (keeps little) ──▶ relay (keeps what slots need) ──▶ kept (slot), forgotten (none)
     *                                                    both asleep while 100 segments pass:
     *                                                    kept catches up; its slot moves, and forgotten's WAL goes
     * </pre>
     */
    @Test
    void aSlotBringsASleeperBackAndNoneDoesNot() {
        try (LocalPostgres primary = LocalPostgres.of(programs.server())
                        .segmentSize(new SegmentSize(1 << 20))
                        .set("max_wal_size", "4MB")
                        .set("min_wal_size", "2MB")
                        .start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"))
                        .with("WALRELAY_CACHE_KEEP", "1s")
                        .start()) {
            Psql psql = new Psql(programs);
            psql.awaitLevel(relay, primary);
            psql.replication(relay.conninfo(), "CREATE_REPLICATION_SLOT kept PHYSICAL RESERVE_WAL").orFail();
            try (LocalPostgres kept = LocalPostgres.standbyOf(primary, relay.conninfo("kept")).name("kept").slot("kept").start();
                    LocalPostgres forgotten = LocalPostgres.standbyOf(primary, relay.conninfo("forgotten")).name("forgotten").start()) {
                kept.awaitReplay(primary.flushedLsn(), LIMIT);
                forgotten.awaitReplay(primary.flushedLsn(), LIMIT);
                kept.stop(LocalPostgres.StopMode.FAST);
                forgotten.stop(LocalPostgres.StopMode.FAST);

                primary.execute("CREATE TABLE t AS SELECT 1 AS a", HUNDRED_SEGMENTS, "CHECKPOINT", "INSERT INTO t VALUES (2)");
                psql.awaitLevel(relay, primary);
                kept.start();
                kept.awaitReplay(primary.flushedLsn(), LIMIT);
                assertEquals("2", kept.query("SELECT count(*) FROM t"));

                Await.until("the relay to free what no slot needs", LIMIT, () -> !holds(relay, "000000010000000000000010"));
                forgotten.launch();
                Await.until("the forgotten standby to be told", LIMIT, forgotten::log, log -> log.contains("has already been removed"));
            }
        }
    }

    /**
     * <pre>
     *   primary ──✕─▶ relay ──▶ a           the relay's upstream falls silent
     *      └──────────────────▶ a           a goes to the primary and on
     *   primary ──✕─▶ relay ──▶ a           and comes back: ahead of the relay, waits
     *   primary ────▶ relay ──▶ a           the relay catches up: a goes on
     * </pre>
     */
    @Test
    void aStandbyAheadOfTheRelayWaitsForIt() {
        try (LocalPostgres primary = LocalPostgres.of(programs.server()).start();
                FaultProxy between = FaultProxy.to(primary.port());
                RelayProcess relay = RelayProcess.of(
                                "host=127.0.0.1 port=%d user=postgres".formatted(between.port()), "relay", directory.resolve("data"))
                        .startReady();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, relay.conninfo("a")).name("a").start()) {
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            between.pause(FaultProxy.Direction.TO_CLIENT);

            attach(standby, primary.conninfo());
            primary.execute("CREATE TABLE t AS SELECT 1 AS a", "SELECT pg_switch_wal()", "INSERT INTO t VALUES (2)");
            Lsn ahead = primary.flushedLsn();
            standby.awaitReplay(ahead, LIMIT);

            attach(standby, relay.conninfo("a"));
            Await.until("the standby to be back at the relay", LIMIT, () -> standby.query("SELECT status || sender_port FROM pg_stat_wal_receiver"), ("streaming" + relay.port())::equals);
            int errors = count(standby.log(), "ERROR:");
            between.resume(FaultProxy.Direction.TO_CLIENT);
            primary.execute("INSERT INTO t VALUES (3)");
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            assertEquals("3", standby.query("SELECT count(*) FROM t"));
            assertEquals(errors, count(standby.log(), "ERROR:"), standby::log);
            assertFalse(standby.log().contains("is ahead of the WAL flush position"), standby::log);
            assertTrue(relay.isRunning());
        }
    }

    private static boolean holds(RelayProcess relay, String segment) throws IOException {
        try (Stream<Path> files = Files.walk(relay.data())) {
            return files.anyMatch(file -> file.endsWith(segment));
        }
    }

    private static void attach(LocalPostgres standby, String conninfo) {
        standby.set("primary_conninfo", conninfo);
        standby.reload();
    }

    private static int count(String text, String word) {
        return text.split(word, -1).length - 1;
    }
}
