package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.util.PSQLException;

/** The console beside PostgreSQL: the same questions, by the clients that ask them. */
@Timeout(120)
final class ConsoleIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String TRUST = "host all,replication all 127.0.0.1/32 trust";

    /** postgres_exporter's collectors pg_replication and pg_replication_slot, now and as they were; both connect with version() or SHOW. */
    private static final List<String> EXPORTER = List.of(
            "SELECT version();",
            "SHOW server_version;",
            """
            SELECT CASE WHEN NOT pg_is_in_recovery() THEN 0 WHEN pg_last_wal_receive_lsn () = pg_last_wal_replay_lsn () THEN 0
              ELSE GREATEST (0, EXTRACT(EPOCH FROM (now() - pg_last_xact_replay_timestamp()))) END AS lag,
              CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END as is_replica,
              GREATEST (0, EXTRACT(EPOCH FROM (now() - pg_last_xact_replay_timestamp()))) as last_replay""",
            """
            SELECT slot_name, slot_type, CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() - '0/0' ELSE pg_current_wal_lsn() - '0/0' END AS current_wal_lsn,
              COALESCE(confirmed_flush_lsn, '0/0') - '0/0' AS confirmed_flush_lsn, active, safe_wal_size, wal_status FROM pg_replication_slots;""",
            """
            SELECT slot_name, database, active, (case pg_is_in_recovery() when 't' then pg_wal_lsn_diff(pg_last_wal_receive_lsn(), restart_lsn)
              else pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) end) as pg_wal_lsn_diff FROM pg_replication_slots""",
            """
            SELECT *, (case pg_is_in_recovery() when 't' then null else pg_current_wal_lsn() end) AS pg_current_wal_lsn,
              (case pg_is_in_recovery() when 't' then null else pg_wal_lsn_diff(pg_current_wal_lsn(), pg_lsn('0/0'))::float end) AS pg_current_wal_lsn_bytes,
              (case pg_is_in_recovery() when 't' then null else pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float end) AS pg_wal_lsn_diff FROM pg_stat_replication""",
            "SELECT name, setting, COALESCE(unit, ''), short_desc, vartype FROM pg_settings WHERE vartype IN ('bool', 'integer', 'real') AND name != 'sync_commit_cancel_wait'");

    /** check_postgres' actions hot_standby_delay and replication_slots. */
    private static final List<String> CHECK_POSTGRES = List.of(
            "SELECT pg_is_in_recovery() AS recovery;",
            "SELECT pg_last_wal_receive_lsn() AS receive, pg_last_wal_replay_lsn() AS replay, COALESCE(ROUND(EXTRACT(epoch FROM now() - pg_last_xact_replay_timestamp())),0) AS seconds",
            """
            WITH slots AS (SELECT slot_name, slot_type, coalesce(restart_lsn, '0/0'::pg_lsn) AS slot_lsn, coalesce(pg_wal_lsn_diff(
                case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end, restart_lsn), 0) AS delta, active
              FROM pg_replication_slots) SELECT *, pg_size_pretty(delta) AS delta_pretty FROM slots;""");

    /** Patroni's, of version 2 and of those after it. */
    private static final List<String> PATRONI = List.of(
            """
            SELECT pg_catalog.lower(application_name), sync_state, pg_catalog.pg_wal_lsn_diff(flush_lsn, '0/0')::bigint FROM pg_catalog.pg_stat_replication
              WHERE state = 'streaming' AND flush_lsn IS NOT NULL ORDER BY sync_state DESC, flush_lsn DESC""",
            """
            SELECT (SELECT pg_catalog.json_agg(r.*) FROM (SELECT w.pid as pid, application_name, sync_state,
              pg_catalog.pg_wal_lsn_diff(write_lsn, '0/0')::bigint AS write_lsn, pg_catalog.pg_wal_lsn_diff(flush_lsn, '0/0')::bigint AS flush_lsn,
              pg_catalog.pg_wal_lsn_diff(replay_lsn, '0/0')::bigint AS replay_lsn
              FROM pg_catalog.pg_stat_get_wal_senders() w, pg_catalog.pg_stat_get_activity(w.pid) WHERE w.state = 'streaming') r)""");

    private static final List<String> VIEWS = List.of(
            "SELECT * FROM pg_stat_replication",
            "SELECT * FROM pg_replication_slots",
            "SELECT * FROM pg_stat_wal_receiver",
            "SELECT * FROM pg_stat_get_wal_senders()",
            "SELECT * FROM pg_copy_physical_replication_slot('one', 'two')",
            "SELECT pg_create_physical_replication_slot('three', true, true)",
            "SELECT pg_drop_replication_slot('two')",
            "SELECT current_user, current_database(), pg_backend_pid(), 1, 2.5, 'x', NULL, now() - now()",
            "SELECT count(*), max(restart_lsn), min(slot_name), sum(active_pid) FROM pg_replication_slots");

    @TempDir
    private Path directory;

    private static Connection console(RelayProcess relay, String user, String options) throws SQLException {
        return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:%d/walrelay?sslmode=disable&gssEncMode=disable&user=%s%s".formatted(relay.port(), user, options));
    }

    private RelayProcess relay(LocalPostgres primary, String hba) {
        RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).with("WALRELAY_LISTEN_HBA", hba).start();
        relay.awaitReady(LIMIT);
        return relay;
    }

    private static List<String> shape(Connection connection, String query) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(query)) {
            ResultSetMetaData columns = rows.getMetaData();
            List<String> shape = new ArrayList<>();
            for (int i = 1; i <= columns.getColumnCount(); i++) {
                shape.add(columns.getColumnLabel(i) + " " + columns.getColumnTypeName(i));
            }
            while (rows.next()) {
                for (int i = 1; i <= columns.getColumnCount(); i++) {
                    rows.getObject(i);
                }
            }
            return shape;
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {13, 15, 17, 18})
    void toolsGetTheColumnsThatPostgresqlGives(int version) throws Exception {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(version)).start();
                RelayProcess relay = relay(primary, TRUST);
                Connection theirs = primary.connect();
                Connection ours = console(relay, "postgres", "")) {
            for (Connection connection : List.of(theirs, ours)) {
                shape(connection, "SELECT pg_create_physical_replication_slot('one', true)");
            }
            List<String> queries = new ArrayList<>(EXPORTER);
            queries.addAll(CHECK_POSTGRES);
            queries.addAll(PATRONI);
            queries.addAll(VIEWS);
            for (String query : queries) {
                assertEquals(shape(theirs, query), shape(ours, query), query);
            }
        }
    }

    /**
     * <pre>
     *   primary ══▶ relay ══ slot one ══▶ standby
     *                 ▲ psql, pgjdbc: what the relay says of both
     * </pre>
     */
    @Test
    void aRelayIsWatchedAndItsSlotsAreHandledBySql() throws Exception {
        Programs programs = Programs.version(15);
        try (LocalPostgres primary = LocalPostgres.of(programs.server()).name("primary").start();
                RelayProcess relay = relay(primary, TRUST)) {
            String console = relay.conninfo() + " dbname=walrelay";
            assertEquals("(one,)", psql(programs, console, "SELECT pg_create_physical_replication_slot('one')").orFail());
            try (LocalPostgres standby = LocalPostgres.standbyOf(primary, relay.conninfo("sb")).name("sb").slot("one").copyWal().start()) {
                standby.awaitReplay(primary.flushedLsn(), LIMIT);
                Await.until("the standby to be shown", LIMIT, () -> psql(programs, console, PATRONI.getFirst()).orFail(), row -> row.startsWith("sb|async|"));
                Lsn flushed = primary.flushedLsn();
                Await.until("the position to be shown", LIMIT,
                        () -> Lsn.parse(psql(programs, console, "SELECT pg_last_wal_receive_lsn()").orFail()), at -> at.isAtLeast(flushed));
                assertEquals("one|t|reserved", psql(programs, console, "SELECT slot_name, active, wal_status FROM pg_replication_slots").orFail());
                String json = psql(programs, console, PATRONI.getLast()).orFail();
                assertTrue(json.matches("\\[\\{\"pid\":\\d+,\"application_name\":\"sb\",\"sync_state\":\"async\",\"write_lsn\":\\d+,\"flush_lsn\":\\d+,\"replay_lsn\":\\d+}]"), json);
                assertTrue(psql(programs, console, "SHOW STANDBYS").orFail().startsWith("sb|streaming|one|127.0.0.1:"));
                assertTrue(psql(programs, console, "SELECT state, host FROM walrelay.upstream").orFail().equals("streaming|127.0.0.1:" + primary.port()));
                for (String table : List.of("SLOTS", "UPSTREAM", "TIMELINES", "TIERS", "HELP")) {
                    assertFalse(psql(programs, console, "SHOW " + table).orFail().isEmpty(), table);
                }
                assertEquals("one|t|\nstreaming", psql(programs, console, "SELECT slot_name, active, database FROM pg_replication_slots; SELECT status FROM pg_stat_wal_receiver").orFail());
            }
            assertTrue(psql(programs, console, "\\conninfo").orFail().contains("database \"walrelay\""));
            drivers(relay);
            refusals(programs, console);
            assertEquals("(two,)", psql(programs, console, "SELECT pg_create_physical_replication_slot('two'); SELECT nosuch; SELECT pg_drop_replication_slot('two')").output().lines().findFirst().orElse(""));
            assertEquals("one\ntwo", psql(programs, console, "SELECT slot_name FROM pg_replication_slots ORDER BY 1").orFail());
            assertEquals("", psql(programs, console, "SELECT pg_drop_replication_slot('two')").orFail());
        }
    }

    private static Programs.Result psql(Programs programs, String conninfo, String command) {
        Programs.Result result = programs.run(LIMIT, "psql", "-X", "-w", "-A", "-t", "-c", command, conninfo);
        return new Programs.Result(result.command(), result.status(), result.output().stripTrailing());
    }

    private static void drivers(RelayProcess relay) throws SQLException {
        for (String options : List.of("", "&prepareThreshold=-1", "&preferQueryMode=simple", "&readOnly=true&readOnlyMode=always")) {
            try (Connection connection = console(relay, "postgres", options)) {
                assertTrue(connection.isValid(5));
                assertEquals("walrelay", connection.getCatalog());
                connection.setAutoCommit(false);
                try (PreparedStatement statement = connection.prepareStatement(
                        "SELECT slot_name, active, restart_lsn, now(), ?::bigint + 1, 1.25, now() - now(), ?::text FROM pg_replication_slots WHERE slot_name = ?")) {
                    // More often than pgjdbc needs to change to binary results.
                    for (int i = 0; i < 8; i++) {
                        statement.setLong(1, i);
                        statement.setString(2, null);
                        statement.setString(3, "one");
                        try (ResultSet rows = statement.executeQuery()) {
                            assertTrue(rows.next());
                            assertEquals("one", rows.getString(1));
                            assertFalse(rows.getBoolean(2));
                            assertTrue(Lsn.parse(rows.getString(3)).isValid());
                            assertInstanceOf(Timestamp.class, rows.getObject(4));
                            assertTrue(Math.abs(rows.getTimestamp(4).getTime() - System.currentTimeMillis()) < 60_000);
                            assertEquals(i + 1, rows.getLong(5));
                            assertEquals("1.25", rows.getBigDecimal(6).toPlainString());
                            assertNull(rows.getString(8));
                        }
                    }
                }
                assertEquals("42703", assertThrows(PSQLException.class, () -> shape(connection, "SELECT nosuch FROM pg_replication_slots")).getSQLState());
                assertEquals("25P02", assertThrows(PSQLException.class, () -> shape(connection, "SELECT 1")).getSQLState());
                connection.rollback();
                try (Statement statement = connection.createStatement()) {
                    statement.setFetchSize(2);
                    try (ResultSet rows = statement.executeQuery("SELECT statement FROM walrelay.help")) {
                        int count = 0;
                        while (rows.next()) {
                            count++;
                        }
                        assertTrue(count > 5);
                    }
                }
                connection.commit();
            }
        }
    }

    private static void refusals(Programs programs, String console) {
        Programs.Result refused = psql(programs, console, "SELECT nosuch FROM pg_stat_replication");
        assertEquals(1, refused.status());
        assertTrue(refused.output().contains("LINE 1: SELECT nosuch FROM") && refused.output().contains("HINT:  SHOW HELP"), refused::output);
        assertTrue(psql(programs, console, "SELECT pg_current_wal_lsn()").output().contains("recovery is in progress"));
        assertTrue(psql(programs, console, "SELECT * FROM pg_authid").output().contains("relation \"pg_authid\" does not exist"));
        assertTrue(psql(programs, console, "SELECT pg_sleep(100)").output().contains("function pg_sleep(integer) does not exist"));
        assertTrue(psql(programs, console, "SELECT pg_read_file('/etc/passwd')").output().contains("does not exist"));
        assertTrue(psql(programs, console, "SELECT pg_create_physical_replication_slot('one')").output().contains("replication slot \"one\" already exists"));
        assertTrue(psql(programs, console, "SELECT pg_copy_physical_replication_slot('nosuch', 'x')").output().contains("replication slot \"nosuch\" does not exist"));
        assertTrue(psql(programs, console, "SELECT pg_replication_slot_advance('one', '0/1')").output().contains("cannot advance replication slot to 0/1"));
        assertTrue(psql(programs, console + " replication=database", "SELECT 1").output().contains("the relay's console has no logical replication"));
    }

    @Test
    void whoMayNotReplicateMayNotChangeSlots() throws Exception {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                RelayProcess relay = relay(primary, "host walrelay watcher,postgres 127.0.0.1/32 trust;host replication postgres 127.0.0.1/32 trust")) {
            try (Connection watcher = console(relay, "watcher", "");
                    Connection postgres = console(relay, "postgres", "")) {
                String create = "SELECT pg_create_physical_replication_slot('mine')";
                assertEquals("42501", assertThrows(PSQLException.class, () -> shape(watcher, create)).getSQLState());
                shape(watcher, "SELECT * FROM pg_replication_slots");
                shape(postgres, create);
                shape(postgres, "SELECT pg_create_physical_replication_slot('passing', false, true)");
            }
            try (Connection postgres = console(relay, "postgres", "");
                    Statement statement = postgres.createStatement();
                    ResultSet rows = statement.executeQuery("SELECT slot_name FROM pg_replication_slots WHERE slot_name IN ('mine', 'passing')")) {
                assertTrue(rows.next());
                assertEquals("mine", rows.getString(1));
                assertFalse(rows.next(), "a temporary slot goes with its session");
            }
        }
    }
}
