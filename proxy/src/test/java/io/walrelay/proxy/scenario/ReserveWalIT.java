package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A slot that is made with RESERVE_WAL on the relay reserves from where the primary itself would: a base backup that is taken now
 * replays from there.
 */
@Timeout(120)
final class ReserveWalIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    static Stream<Integer> versions() {
        return Stream.of(13, 15, 18);
    }

    @ParameterizedTest
    @MethodSource("versions")
    void theRelayReservesFromTheRedoOfTheLastCheckpoint(int major) {
        Psql psql = new Psql(Programs.version(15));
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(major)).start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).start()) {
            relay.awaitReady(LIMIT);
            primary.execute("CREATE TABLE t (a text)");
            fill(primary);
            primary.execute("CHECKPOINT");
            fill(primary);
            psql.awaitLevel(relay, primary);

            String made = psql.replication(relay.conninfo(), "CREATE_REPLICATION_SLOT s PHYSICAL RESERVE_WAL", "READ_REPLICATION_SLOT s").orFail();

            String redo = primary.query("SELECT redo_lsn FROM pg_control_checkpoint()");
            assertEquals(List.of("s|0/0||", "physical|%s|1".formatted(redo)), made.lines().toList());
        }
    }

    private static void fill(LocalPostgres primary) {
        for (int i = 0; i < 2; i++) {
            primary.execute("INSERT INTO t SELECT repeat('x', 900) FROM generate_series(1, 2000)");
            primary.execute("SELECT pg_switch_wal()");
        }
    }
}
