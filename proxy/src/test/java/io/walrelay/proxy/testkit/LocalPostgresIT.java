package io.walrelay.proxy.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.LocalPostgres.StopMode;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The servers that the other integration tests stand on do what PostgreSQL's own tools would make them do. */
@Timeout(120)
class LocalPostgresIT {

    private static final Duration SOON = Duration.ofSeconds(30);

    @ParameterizedTest
    @MethodSource("io.walrelay.proxy.testkit.Servers#versions")
    void aStandbyFollowsSurvivesAKillAndIsPromoted(int major) {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(major)).start()) {
            primary.execute(
                    "CREATE TABLE t (i int)",
                    "INSERT INTO t SELECT generate_series(1, 1000)",
                    "SELECT pg_create_physical_replication_slot('s1')");
            assertEquals(Integer.toString(major), primary.query("SELECT current_setting('server_version_num')::int / 10000"));
            assertEquals("on", primary.query("SHOW data_checksums"));

            try (LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo())
                    .name("replica")
                    .slot("s1")
                    .start()) {
                primary.execute("INSERT INTO t SELECT generate_series(1001, 2000)");
                standby.awaitReplay(primary.flushedLsn(), SOON);
                assertEquals("2000", standby.query("SELECT count(*) FROM t"));
                assertEquals("replica", primary.query("SELECT application_name FROM pg_stat_replication"));
                assertEquals("t", primary.query("SELECT active FROM pg_replication_slots WHERE slot_name = 's1'"));

                primary.kill();
                assertFalse(primary.isRunning());
                primary.start();
                assertEquals("2000", primary.query("SELECT count(*) FROM t"));
                primary.execute("INSERT INTO t VALUES (2001)");
                standby.awaitReplay(primary.flushedLsn(), SOON);

                primary.stop(StopMode.FAST);
                standby.promote();
                standby.execute("INSERT INTO t VALUES (2002)");
                assertEquals("2002", standby.query("SELECT count(*) FROM t"));
                assertEquals(new TimelineId(2), standby.timeline());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 64})
    void aClusterHasTheSegmentSizeAskedFor(int megabytes) throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15))
                        .segmentSize(new SegmentSize(megabytes << 20))
                        .start();
                LocalPostgres standby =
                        LocalPostgres.standbyOf(primary, primary.conninfo()).copyWal().start()) {
            primary.execute("CREATE TABLE t AS SELECT generate_series(1, 10) i", "SELECT pg_switch_wal()");
            standby.awaitReplay(primary.flushedLsn(), SOON);
            assertEquals(megabytes + "MB", standby.query("SHOW wal_segment_size"));
            try (Stream<Path> wal = Files.list(standby.dataDirectory().resolve("pg_wal"))) {
                assertTrue(wal.filter(Files::isRegularFile).allMatch(file -> file.toFile().length() == megabytes << 20));
            }
        }
    }

    @Test
    void aClusterWithAPasswordLetsNobodyInWithoutIt() throws SQLException {
        String password = "it's a \\ secret";
        try (LocalPostgres primary =
                        LocalPostgres.of(Servers.version(13)).password(password).start();
                LocalPostgres standby =
                        LocalPostgres.standbyOf(primary, primary.conninfo()).start()) {
            standby.awaitReplay(primary.flushedLsn(), SOON);
            String url = "jdbc:postgresql://127.0.0.1:%d/postgres".formatted(primary.port());
            SQLException refused =
                    assertThrows(SQLException.class, () -> DriverManager.getConnection(url, "postgres", "wrong").close());
            assertEquals("28P01", refused.getSQLState());
            try (Connection connection = DriverManager.getConnection(url, "postgres", password)) {
                assertTrue(connection.isValid(5));
            }
        }
    }

    @Test
    void aServerThatCannotStartSaysWhatItLogged() {
        try (LocalPostgres server =
                LocalPostgres.of(Servers.version(18)).set("no_such_setting", "1").create()) {
            IllegalStateException failure = assertThrows(IllegalStateException.class, server::start);
            String expected = "unrecognized configuration parameter \"no_such_setting\"";
            assertTrue(failure.toString().contains(expected), failure::toString);
        }
    }

    @Test
    void nothingIsLeftOfAClosedServer() {
        LocalPostgres server = LocalPostgres.of(Servers.version(18)).start();
        Path directory = server.dataDirectory().resolveSibling("");
        ProcessHandle postmaster = ProcessHandle.of(server.pid()).orElseThrow();
        server.close();
        server.close();
        assertFalse(postmaster.isAlive());
        assertFalse(Files.exists(directory));
    }
}
