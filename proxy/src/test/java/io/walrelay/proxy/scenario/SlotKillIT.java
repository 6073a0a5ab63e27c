package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A slot of the relay whose standby is away while the relay is killed: the position is no further than what the standby has, and
 * the WAL from there on is kept although nothing else keeps it ({@code cache.keep} is zero).
 */
@ParameterizedClass
@ValueSource(ints = {15, 18})
final class SlotKillIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SIZE = new SegmentSize(1 << 20);

    private final Programs programs;

    @TempDir
    private Path directory;

    SlotKillIT(int version) {
        programs = Programs.version(version);
    }

    @Test
    void aStandbyThatWasAwayDuringTheKillCatchesUp() throws Exception {
        WalFiles received = new WalFiles(Files.createDirectory(directory.resolve("received")), SIZE);
        try (LocalPostgres primary = LocalPostgres.of(programs.server()).name("primary").segmentSize(SIZE).set("wal_keep_size", "1GB").start();
                RelayProcess relay = Acknowledged.awaitStreaming(
                        RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"))
                                .with("WALRELAY_CACHE_KEEP", "0s")
                                .with("WALRELAY_LISTEN_HBA", "host replication,walrelay all 127.0.0.1/32 trust")
                                .start(),
                        primary)) {
            WalFiles truth = new WalFiles(primary.dataDirectory().resolve("pg_wal"), SIZE);
            programs.run(LIMIT, "pg_receivewal", "--create-slot", "--slot=away", "--dbname=" + relay.conninfo()).orFail();
            try (Ledger ledger = Ledger.on(primary, 20_000)) {
                try (ExternalProcess receiver = receive(relay, received)) {
                    Await.until("pg_receivewal to have some segments", LIMIT, () -> received.segments().size() > 3 && receiver.isRunning());
                    // It reserves nothing before its first report.
                    Await.until("the slot to have a position", LIMIT, () -> restartLsn(relay).isValid());
                }
                Lsn has = SIZE.start(received.segments().lastKey() + 1);
                long before = ledger.confirmed();
                Await.until("load that only the slot keeps", LIMIT, ledger::confirmed, seen -> seen > before + 200);
                try (Connection console = console(relay)) {
                    // What was done just before the kill.
                    execute(console, "SELECT pg_create_physical_replication_slot('dropped', true)");
                    execute(console, "SELECT pg_create_physical_replication_slot('temporary', true, true)");
                    execute(console, "SELECT pg_copy_physical_replication_slot('away', 'copied')");
                    execute(console, "SELECT pg_drop_replication_slot('dropped')");
                    relay.kill();
                }
                relay.start();
                try (Connection console = console(relay);
                        Statement statement = console.createStatement();
                        ResultSet row = statement.executeQuery("SELECT slot_name, restart_lsn FROM pg_replication_slots ORDER BY slot_name")) {
                    List<String> slots = new ArrayList<>();
                    while (row.next()) {
                        slots.add(row.getString(1));
                        assertTrue(Lsn.parse(row.getString(2)).isAtMost(has), slots::toString);
                    }
                    assertEquals(List.of("away", "copied"), slots);
                }
                Lsn slot = Await.until("the relay to show the slot", LIMIT, () -> restartLsn(relay), Lsn::isValid);
                assertTrue(slot.isAtMost(has), () -> "the slot is at %s, its standby has no more than %s".formatted(slot, has));
                ledger.stop();
            }
            Lsn end = primary.flushedLsn();
            try (ExternalProcess receiver = receive(relay, received)) {
                // One more segment than is compared: all before it is written.
                primary.execute("SELECT pg_switch_wal()", "SELECT pg_logical_emit_message(true, 'walrelay', 'next segment')");
                Await.until("pg_receivewal to have it all", LIMIT, () -> received.holds(SIZE.endOf(end)));
                received.assertEqualUpTo(end, truth);
                assertTrue(receiver.isRunning(), receiver::output);
            }
        }
    }

    private static Connection console(RelayProcess relay) throws SQLException {
        return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:%d/walrelay?sslmode=disable&gssEncMode=disable&user=postgres".formatted(relay.port()));
    }

    private static void execute(Connection console, String function) throws SQLException {
        try (Statement statement = console.createStatement()) {
            assertTrue(statement.execute(function));
        }
    }

    private ExternalProcess receive(RelayProcess relay, WalFiles into) {
        return programs.start("pg_receivewal", "--directory=" + into.directory(), "--slot=away", "--status-interval=1", "--dbname=" + relay.conninfo());
    }

    /** Invalid while the relay does not answer or the slot reserves nothing. */
    private Lsn restartLsn(RelayProcess relay) {
        Programs.Result row = programs.run(LIMIT, "psql", "-XAt", "--dbname=" + relay.conninfo() + " replication=1", "--command=READ_REPLICATION_SLOT away");
        String position = row.status() == 0 ? row.output().strip().split("\\|", -1)[1] : "";
        return position.isEmpty() ? Lsn.INVALID : Lsn.parse(position);
    }
}
