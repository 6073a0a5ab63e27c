package io.walrelay.proxy.rewind;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * What changes pages in each way that a rewind has to get right: by every access method; whole pages and parts of them, with and without
 * images in the log; files that are cut and grow again; names of files that are used again; databases copied as files.
 */
final class ManyKindsOfWork {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Programs programs;
    private final Random random;

    ManyKindsOfWork(Programs programs, Random random) {
        this.programs = programs;
        this.random = random;
    }

    /** Tables and databases for both sides, and a checkpoint. */
    void prepare(LocalPostgres server) throws SQLException {
        pgbench(server, "-i", "-q", "-s", "1");
        server.execute(
                "CREATE EXTENSION bloom",
                "CREATE TABLE k (id int, n int, w text, p point, a int[])",
                "INSERT INTO k SELECT i, i * 7919 % 10007, md5(i::text), point(i % 97, i % 89), ARRAY[i % 13, i % 17, i % 1000] FROM generate_series(1, 4000) i",
                "CREATE INDEX ON k (id)",
                "CREATE INDEX ON k USING hash (w)",
                "CREATE INDEX ON k USING gist (p)",
                "CREATE INDEX ON k USING spgist (p)",
                "CREATE INDEX ON k USING gin (a)",
                "CREATE INDEX ON k USING brin (n) WITH (pages_per_range = 4)",
                "CREATE INDEX ON k USING bloom (id, n)",
                "CREATE TABLE cut AS SELECT i AS id, repeat('c', 100) AS filler FROM generate_series(1, 6000) i",
                "CREATE TABLE quiet AS SELECT i AS id, 0 AS n, repeat('q', 100) AS filler FROM generate_series(1, 4000) i",
                "CREATE TABLE emptied AS SELECT i AS id FROM generate_series(1, 3000) i",
                "CREATE SEQUENCE s",
                "CREATE UNLOGGED TABLE u AS SELECT * FROM cut",
                "CREATE DATABASE template");
        in(server, "template", "CREATE TABLE t AS SELECT i AS id, 0 AS n, repeat('t', 100) AS filler FROM generate_series(1, 4000) i");
        // No hint is left to set, which would log whole pages whenever the table is read.
        in(server, "template", "VACUUM FREEZE t");
        server.execute("VACUUM FREEZE quiet");
        server.execute("CHECKPOINT");
    }

    /** Some of everything, as {@code who}; in an order that is the same for all, with amounts by chance. */
    void run(LocalPostgres server, String who) throws SQLException {
        pgbench(server, "-N", "-n", "-c", "2", "-t", "100");
        changeRows(server);
        copyDatabases(server);
        cut(server);
        fullPageWrites(server, false);
        changeRows(server);
        // The first change of these pages has an image, which is there to compare with and is not applied.
        server.execute(
                "SET wal_consistency_checking = 'all'",
                "UPDATE quiet SET n = n + 1 WHERE id < 2000",
                update("k", "n = n + 1", "id"),
                update("cut", "filler = '%s'".formatted(who), "id"));
        fullPageWrites(server, true);
        // New files: the same numbers on both sides, since both count on from the fork.
        server.execute(
                "CREATE TABLE only_%s AS SELECT i AS id, '%s' AS who FROM generate_series(1, %d) i".formatted(who, who, 100 + random.nextInt(3000)),
                "CREATE INDEX ON only_%s (id)".formatted(who),
                // Not of what was compared before: a replay that begins before that finds the pages of files that are gone by then empty, and stops.
                "REINDEX TABLE pgbench_accounts",
                "VACUUM FULL emptied");
        pgbench(server, "-N", "-n", "-c", "2", "-t", "100");
        changeRows(server);
        if (random.nextBoolean()) {
            server.execute("CHECKPOINT");
            changeRows(server);
        }
    }

    /** Rows that come, go and change, and what looks at them. */
    void changeRows(LocalPostgres server) {
        int from = 4001 + random.nextInt(100_000);
        server.execute(
                update("k", "p = point(n % 83, id % 79), w = md5(w)", "id"),
                "DELETE FROM k WHERE id % 101 = " + random.nextInt(101),
                "INSERT INTO k SELECT i, i * 31 %% 10007, md5(i::text), point(i %% 61, i %% 59), ARRAY[i %% 7, i %% 1000] FROM generate_series(%d, %d) i"
                        .formatted(from, from + random.nextInt(1000)),
                "SELECT nextval('s') FROM generate_series(1, %d)".formatted(1 + random.nextInt(100)),
                "VACUUM k",
                "SELECT count(*) FROM k, cut WHERE k.id = cut.id");
    }

    private String update(String table, String set, String key) {
        int of = 2 + random.nextInt(30);
        return "UPDATE %s SET %s WHERE %s %% %d = %d".formatted(table, set, key, of, random.nextInt(of));
    }

    /** Of the template some pages are changed before it is copied, and others only after that, whole; the copy's number is used twice. */
    private void copyDatabases(LocalPostgres server) throws SQLException {
        String copy = "CREATE DATABASE copy OID 1000000 STRATEGY file_copy TEMPLATE ";
        in(server, "template", "UPDATE t SET n = n + 1 WHERE id < " + random.nextInt(2000));
        server.execute(random.nextBoolean() ? copy + "template" : copy + "template0");
        in(server, "copy", "CREATE TABLE more AS SELECT i AS id FROM generate_series(1, %d) i".formatted(random.nextInt(2000)));
        server.execute("DROP DATABASE copy", copy + "template");
        in(server, "template", update("t", "n = n + 1", "id"));
        in(server, "copy", "UPDATE t SET n = n - 1 WHERE id < " + random.nextInt(2000));
    }

    /** Cut by vacuum and by truncation, and grown again. */
    private void cut(LocalPostgres server) {
        server.execute(
                "DELETE FROM cut WHERE id > " + random.nextInt(6000),
                "VACUUM (TRUNCATE) cut",
                "INSERT INTO cut SELECT i, repeat('d', 90) FROM generate_series(1, %d) i".formatted(random.nextInt(4000)),
                "TRUNCATE emptied",
                "INSERT INTO emptied SELECT i FROM generate_series(1, %d) i".formatted(random.nextInt(4000)));
    }

    /** The checkpointer makes the change, at once or before its next checkpoint. */
    private static void fullPageWrites(LocalPostgres server, boolean on) {
        server.set("full_page_writes", on ? "on" : "off");
        server.reload();
        Await.until(
                "full_page_writes to be switched",
                LIMIT,
                () -> {
                    server.execute("CHECKPOINT");
                    return server.query("SELECT full_page_writes FROM pg_control_checkpoint()");
                },
                (on ? "t" : "f")::equals);
    }

    private void pgbench(LocalPostgres server, String... options) {
        List<String> all = new ArrayList<>(List.of("-h", "127.0.0.1", "-p", Integer.toString(server.port()), "-U", LocalPostgres.SUPERUSER));
        all.addAll(Arrays.asList(options));
        all.add("postgres");
        var _ = programs.run(LIMIT, "pgbench", all.toArray(String[]::new)).orFail();
    }

    private static void in(LocalPostgres server, String database, String sql) throws SQLException {
        try (Connection connection = server.connect(database);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
