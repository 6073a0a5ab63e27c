package io.walrelay.proxy.scenario;

import io.walrelay.proxy.demo.LocalPostgres;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;

/** Has a primary write records of as many kinds as a short test can. It needs max_prepared_transactions, and wal_level logical. */
final class LogOfAllKinds {

    private LogOfAllKinds() {}

    static void write(LocalPostgres primary) throws SQLException {
        primary.execute(
                "CREATE TABLE t (id int PRIMARY KEY, h int, p point, a text)",
                "ALTER TABLE t SET (autovacuum_enabled = off)",
                "CREATE INDEX ON t USING hash (h)",
                "CREATE INDEX ON t USING gist (p)",
                "CREATE INDEX ON t USING spgist (p)",
                "CREATE INDEX ON t USING gin (to_tsvector('simple', a))",
                "CREATE INDEX ON t USING brin (id)",
                "INSERT INTO t SELECT i, i % 7, point(i, i), 'text ' || i FROM generate_series(1, 3000) i",
                "CHECKPOINT");
        // Versions of rows that change place: dead entries in each of the indexes, removed by queries that come by.
        for (int i = 0; i < 6; i++) {
            primary.execute("UPDATE t SET h = h + 1, p = point(p[0], p[1] + 0.1) WHERE id <= 600");
        }
        primary.execute(
                "SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM t WHERE h = 3; SELECT count(*) FROM t WHERE p <@ box '((0,0),(9999,9999))'",
                "INSERT INTO t SELECT i, i % 7, point(i, i), 'more ' || i FROM generate_series(3001, 3600) i",
                "DELETE FROM t WHERE id > 900",
                "VACUUM (FREEZE) t",
                "SELECT txid_current()",
                "VACUUM t",
                "INSERT INTO t SELECT i, i % 7, point(i, i), repeat('again ', 30) || i FROM generate_series(10000, 13000) i",
                "VACUUM (FREEZE) t",
                "CREATE TABLE seen AS SELECT generate_series(1, 5000) AS id",
                "CHECKPOINT",
                "UPDATE seen SET id = -1 WHERE id = 1",
                "VACUUM seen",
                "VACUUM seen");
        images(primary);
        transactions(primary);
        files(primary);
        primary.execute(
                "CREATE SEQUENCE s",
                "SELECT nextval('s')",
                "SELECT pg_logical_emit_message(false, 'prefix', repeat('x', 70000))",
                "SELECT pg_create_restore_point('here')",
                "TRUNCATE t",
                "DROP TABLE t",
                "SELECT pg_switch_wal()",
                "CREATE TABLE last (id int)");
    }

    /** Compressed in each way that the server can, not compressed, and to compare with only. */
    private static void images(LocalPostgres primary) throws SQLException {
        String methods = primary.query("SELECT coalesce((SELECT string_agg(v, ' ') FROM pg_settings, unnest(enumvals) v"
                + " WHERE name = 'wal_compression' AND v IN ('pglz', 'lz4', 'zstd')), 'on')");
        for (String method : methods.split(" ", -1)) {
            primary.execute("CHECKPOINT", "SET wal_compression = %s; UPDATE t SET a = a || '.' WHERE id < 100".formatted(method));
        }
        primary.execute("CHECKPOINT");
        try (Connection connection = primary.connect();
                Statement statement = connection.createStatement()) {
            statement.execute("SET wal_compression = on");
            statement.execute("UPDATE t SET a = a || '!' WHERE id < 100");
            statement.execute("SET wal_compression = off");
            statement.execute("SET wal_consistency_checking = 'all'");
            statement.execute("UPDATE t SET a = a || '?' WHERE id BETWEEN 100 AND 120");
            statement.execute("SET wal_compression = on");
            statement.execute("UPDATE t SET a = a || '?' WHERE id BETWEEN 120 AND 140");
        }
    }

    /** Directories of databases and tablespaces, relations that are cut off or dropped, and a catalog that gets another file. */
    private static void files(LocalPostgres primary) throws SQLException {
        try (Connection connection = primary.connect();
                Statement statement = connection.createStatement()) {
            statement.execute("SET allow_in_place_tablespaces = on");
            statement.execute("CREATE TABLESPACE space LOCATION ''");
            statement.execute("CREATE DATABASE other");
            statement.execute("ALTER DATABASE other SET TABLESPACE space");
            statement.execute("DROP DATABASE other");
            statement.execute("DROP TABLESPACE space");
            statement.execute("VACUUM FULL pg_class");
            statement.execute("BEGIN");
            statement.execute("SAVEPOINT made");
            statement.execute("CREATE UNLOGGED TABLE gone (id int PRIMARY KEY, a text)");
            statement.execute("ROLLBACK");
        }
    }

    /** Prepared ones, savepoints, an origin, and more subtransactions than a list of running transactions has room for. */
    private static void transactions(LocalPostgres primary) throws SQLException {
        primary.execute(
                "BEGIN; INSERT INTO t VALUES (-1); SAVEPOINT a; INSERT INTO t VALUES (-2); PREPARE TRANSACTION 'kept'",
                "BEGIN; INSERT INTO t VALUES (-3); PREPARE TRANSACTION 'dropped'",
                "COMMIT PREPARED 'kept'",
                "ROLLBACK PREPARED 'dropped'",
                "BEGIN; INSERT INTO t VALUES (-4); ROLLBACK",
                "SELECT pg_replication_origin_create('elsewhere')");
        try (Connection connection = primary.connect();
                Statement statement = connection.createStatement()) {
            statement.execute("SELECT pg_replication_origin_session_setup('elsewhere')");
            statement.execute("INSERT INTO t VALUES (-5)");
            statement.execute("BEGIN");
            for (int i = 0; i < 70; i++) {
                statement.execute("SAVEPOINT s%d; INSERT INTO t VALUES (%d)".formatted(i, -100 - i));
            }
            primary.execute("CHECKPOINT");
            statement.execute("COMMIT");
        }
        primary.execute("CHECKPOINT");
    }
}
