package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.FakeRelay;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.WalClient;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What PostgreSQL makes of the exit statuses of restore_command. */
@Timeout(180)
final class RestoreCommandIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    private static Stream<Arguments> clients() {
        return Stream.of(15, 18).flatMap(version -> Stream.of(WalClient.JAVA, WalClient.DASH).map(client -> Arguments.of(version, client)));
    }

    private static LocalPostgres primary(int version) {
        return LocalPostgres.of(Programs.version(version).server())
                .segmentSize(new SegmentSize(1 << 20))
                .set("wal_keep_size", "256MB")
                .start();
    }

    private String command(WalClient client, String relays) {
        return "%s %%f %%p --timeout 1s --wait 0s --relay %s".formatted(client.script(directory, "restore"), relays);
    }

    /** Fills segments, so that all but the last are whole. */
    private static void fill(LocalPostgres primary, String table) {
        primary.execute("CREATE TABLE " + table + " (id int)", "SELECT pg_logical_emit_message(false, 'filler', repeat('x', 3000000))", "SELECT pg_switch_wal()");
    }

    /**
     * <pre>
     *   primary ✗        relays: one refuses, one is silent
     *   standby (restore_command asks both, again and again) ◀── a reader's session, open all the time
     * </pre>
     */
    @ParameterizedTest
    @MethodSource("clients")
    void aHotStandbyKeepsItsReadersWhileEveryRelayIsAway(int version, WalClient client) throws Exception {
        int refusing = FreePort.next();
        try (LocalPostgres primary = primary(version);
                FakeRelay silent = FakeRelay.serving(directory)) {
            primary.execute("CREATE TABLE before (id int)");
            String command = command(client, "http://127.0.0.1:%d,%s".formatted(refusing, silent.url()));
            for (int i = 0; i < 1_000; i++) {
                silent.next(FakeRelay.hanging());
            }
            try (LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo()).set("restore_command", command).copyWal().start();
                    Connection reader = standby.connect();
                    Statement statement = reader.createStatement()) {
                standby.awaitReplay(primary.flushedLsn(), LIMIT);
                String session = value(statement, "SELECT pg_backend_pid()");
                Path wal = primary.dataDirectory().resolve("pg_wal");
                primary.kill();

                int asked = silent.requests().size();
                Await.until("restore_command to fail four times more", LIMIT, () -> silent.requests().size() >= asked + 4);
                assertEquals(session, value(statement, "SELECT pg_backend_pid() FROM before RIGHT JOIN (SELECT 1) x ON true LIMIT 1"));
                assertEquals("t", value(statement, "SELECT pg_is_in_recovery()"));
                assertTrue(standby.log().contains("could not look for"), standby::log);

                // A relay comes back, and with it what the standby has not seen.
                primary.start();
                standby.set("primary_conninfo", "host=127.0.0.1 port=%d user=nobody".formatted(FreePort.next()));
                standby.reload();
                Await.until("the standby to stream no more", LIMIT, () -> value(statement, "SELECT count(*) FROM pg_stat_wal_receiver"), "0"::equals);
                fill(primary, "later");
                try (FakeRelay back = FakeRelay.serving(wal, refusing)) {
                    Await.until("what a relay brought", LIMIT, () -> value(statement, "SELECT to_regclass('later') IS NOT NULL"), "t"::equals);
                    assertFalse(back.requests().isEmpty());
                    assertTrue(back.requests().getFirst().target().contains("mode=standby"), back.requests().getFirst()::target);
                }
                assertEquals(session, value(statement, "SELECT pg_backend_pid()"));
                assertFalse(standby.log().contains("shutting down"), standby::log);
                Await.until("no temporary file, while none is fetched", LIMIT, () -> temporary(standby), List.of()::equals);
            }
        }
    }

    /** When it asks for the last file, its signal file is gone. */
    @ParameterizedTest
    @MethodSource("clients")
    void aStandbyIsPromotedWhileEveryRelayIsAway(int version, WalClient client) throws Exception {
        String command = command(client, "http://127.0.0.1:" + FreePort.next());
        try (LocalPostgres primary = primary(version);
                LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo()).set("restore_command", command).copyWal().start()) {
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            primary.kill();
            standby.promote();
            assertEquals("00000002", standby.query("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"));
            assertTrue(standby.log().contains("could not look for 00000001.history"), standby::log);
        }
    }

    /** Taken for the end of WAL, it would open for writes with half of what there is. */
    @ParameterizedTest
    @MethodSource("clients")
    void aRecoveryStopsWhereNobodyCouldLookAndEndsWhereThereIsNoMore(int version, WalClient client) throws Exception {
        try (LocalPostgres primary = primary(version);
                LocalPostgres recovered = LocalPostgres.standbyOf(primary, "").copyWal().create();
                FakeRelay relay = FakeRelay.serving(primary.dataDirectory().resolve("pg_wal"))) {
            Path data = recovered.dataDirectory();
            Files.move(data.resolve("standby.signal"), data.resolve("recovery.signal"));
            recovered.set("restore_command", command(client, relay.url()) + " --retries 1");
            fill(primary, "first");
            String away = primary.query("SELECT pg_walfile_name(pg_current_wal_lsn())");
            fill(primary, "second");

            relay.refusing(away::equals);
            recovered.launch();
            Await.until("the recovery to stop", LIMIT, () -> !recovered.isRunning());
            assertTrue(recovered.log().contains("could not look for " + away), recovered::log);
            assertTrue(recovered.log().contains("FATAL:  could not restore file \"%s\" from archive".formatted(away)), recovered::log);
            assertFalse(recovered.log().contains("archive recovery complete"), recovered::log);
            assertTrue(Files.exists(data.resolve("recovery.signal")), "it goes on where it stopped");

            relay.refusing(name -> false);
            recovered.launch();
            Await.until("the recovery to end", LIMIT, () -> recovered.query("SELECT pg_is_in_recovery()"), "f"::equals);
            assertEquals("t", recovered.query("SELECT to_regclass('first') IS NOT NULL AND to_regclass('second') IS NOT NULL"));
            // When its recovery has ended it has no signal file any more, and asks for the history of the timeline that it leaves.
            assertTrue(relay.requests().stream().allMatch(request -> request.target().contains("mode=pitr") || request.target().contains("/00000001.history?mode=standby")),
                    relay.requests()::toString);
        }
    }

    private static List<Path> temporary(LocalPostgres server) throws IOException {
        try (Stream<Path> files = Files.list(server.dataDirectory().resolve("pg_wal"))) {
            return files.filter(file -> file.toString().contains(".walrelay-")).toList();
        }
    }

    private static String value(Statement statement, String sql) throws Exception {
        try (ResultSet row = statement.executeQuery(sql)) {
            assertTrue(row.next(), sql);
            return row.getString(1);
        }
    }
}
