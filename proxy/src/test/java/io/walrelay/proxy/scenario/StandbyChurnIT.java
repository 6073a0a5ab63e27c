package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.OsProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.SegmentSize;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Real standbys, each with a slot of the relay, that come and go under load: their walreceiver is ended, they are stopped, they are killed.
 * At the end they are equal to the primary.
 *
 * <pre>
 *   primary ──▶ relay ──▶ s0, s1, s2       at random, for 20 s
 * </pre>
 */
@Timeout(300)
final class StandbyChurnIT {

    private static final Programs PROGRAMS = Programs.version(15);
    private static final Psql PSQL = new Psql(PROGRAMS);

    private static final Logger log = LoggerFactory.getLogger(StandbyChurnIT.class);
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Duration CHURN = Duration.ofSeconds(20);
    private static final int STANDBYS = 3;

    private enum Blow {
        /** By SIGTERM; the startup process asks for another one. */
        WALRECEIVER_ENDED,
        STOPPED,
        KILLED
    }

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void standbysThatComeAndGoAreEqualInTheEnd(int version) {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        log.info("replay with -Dwalrelay.seed={}", seed);
        Random random = new Random(seed);
        List<LocalPostgres> standbys = new ArrayList<>();
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(version)).segmentSize(new SegmentSize(1 << 20)).name("primary").start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).start()) {
            try {
                PSQL.awaitLevel(relay, primary);
                for (int i = 0; i < STANDBYS; i++) {
                    PSQL.replication(relay.conninfo(), "CREATE_REPLICATION_SLOT s%d PHYSICAL RESERVE_WAL".formatted(i)).orFail();
                    standbys.add(LocalPostgres.standbyOf(primary, relay.conninfo("s" + i)).name("s" + i).slot("s" + i).start());
                }
                Map<Blow, Integer> blows = new EnumMap<>(Blow.class);
                try (Ledger ledger = Ledger.on(primary, 500)) {
                    long end = System.nanoTime() + CHURN.toNanos();
                    while (System.nanoTime() < end) {
                        LocalPostgres standby = standbys.get(random.nextInt(STANDBYS));
                        // Most of all the walreceiver, which is back in a moment.
                        Blow blow = random.nextInt(6) > 0 ? Blow.WALRECEIVER_ENDED : random.nextBoolean() ? Blow.STOPPED : Blow.KILLED;
                        if (strike(standby, blow)) {
                            blows.merge(blow, 1, Integer::sum);
                        }
                    }
                    log.info("{}, {} commits", blows, ledger.stop());
                }
                assertTrue(relay.isRunning(), relay::log);
                Ledger.assertEqualOn(primary, LIMIT, standbys.toArray(LocalPostgres[]::new));
                for (LocalPostgres standby : standbys) {
                    long streams = standby.log().lines().filter(line -> line.contains("started streaming WAL from primary")).count();
                    log.info("{} streams of {}", streams, standby.name());
                    assertTrue(streams >= 10, () -> "%d streams of %s".formatted(streams, standby.name()));
                }
                assertEquals(List.of(Blow.values()), List.copyOf(blows.keySet()), "each kind of blow was dealt");
                assertTrue(blows.values().stream().mapToInt(Integer::intValue).sum() >= 30, blows::toString);
                RelayStatus.await("one session for each standby", relay, LIMIT, status -> status.standbys().size() == STANDBYS);
            } finally {
                standbys.forEach(LocalPostgres::close);
            }
        }
    }

    /** Whether there was something to strike at. */
    private static boolean strike(LocalPostgres standby, Blow blow) {
        return switch (blow) {
            case WALRECEIVER_ENDED -> {
                String pid = standby.queryOrNull("SELECT pid FROM pg_stat_wal_receiver WHERE status = 'streaming'");
                if (pid != null) {
                    ProcessHandle.of(Long.parseLong(pid)).ifPresent(receiver -> OsProcess.signal(receiver, "TERM"));
                }
                yield pid != null;
            }
            case STOPPED -> {
                standby.restart();
                yield true;
            }
            case KILLED -> {
                standby.kill();
                standby.start();
                yield true;
            }
        };
    }
}
