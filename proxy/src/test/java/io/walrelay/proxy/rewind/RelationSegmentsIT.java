package io.walrelay.proxy.rewind;

import static io.walrelay.proxy.rewind.TwoServers.LIMIT;
import static io.walrelay.proxy.rewind.TwoServers.promote;
import static io.walrelay.proxy.rewind.TwoServers.rewind;
import static io.walrelay.proxy.rewind.TwoServers.startAfterRewind;
import static io.walrelay.proxy.rewind.TwoServers.stop;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.Servers;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * Relations of more than 1 GB, which PostgreSQL keeps in several files. They are made quickly of pages of zeros, which are valid new
 * pages, in files with holes.
 *
 * <pre>
 *   grown_by  both             old             new
 *   before    |  1 GB  |-----  |  1 GB  |      |  1 GB  |        +  what is added
 *   old       |x       |---+++ |x       |+++   |        |        x  what is changed
 *   new       |x       |---+   |        |      |x       |+++
 * </pre>
 */
class RelationSegmentsIT {

    private static final long FULL = 1L << 30;
    private static final int PAGES = (int) (FULL / MaskedPage.SIZE);
    private static final Pattern FETCHED = Pattern.compile("\"bytes_fetched\":(\\d+)");

    @Test
    void eachFileOfARelationIsRewound() throws IOException {
        try (LocalPostgres old = LocalPostgres.of(Servers.version(15)).name("old").set("wal_keep_size", "1GB").set("autovacuum", "off").start()) {
            grow(old);
            try (LocalPostgres now = LocalPostgres.standbyOf(old, old.conninfo()).name("new").copiedBy(RelationSegmentsIT::copyWithHoles).create()) {
                old.start();
                now.start();
                now.awaitReplay(old.flushedLsn(), LIMIT);
                promote(now);
                insert(now, "new", "grown_by_both", 100);
                insert(now, "new", "grown_by_new", 500);
                insert(old, "old", "grown_by_both", 1000);
                insert(old, "old", "grown_by_old", 500);
                stop(old);
                assertTrue(Files.exists(file(old, now, "grown_by_old", ".1")));
                assertFalse(Files.exists(file(old, now, "grown_by_new", ".1")));

                Programs.Result result = rewind(old, "--source-server", now.conninfo(), "-R", "--format", "json");

                assertEquals(0, result.status(), result.output());
                Matcher fetched = FETCHED.matcher(result.output());
                assertTrue(fetched.find() && Long.parseLong(fetched.group(1)) < 128 << 20, result.output());
                startAfterRewind(old);
                old.awaitReplay(now.flushedLsn(), LIMIT);
                assertEquals(contents(now), contents(old));
                assertEquals("new", old.query("SELECT string_agg(DISTINCT who, ' ') FROM grown_by_both WHERE ctid >= '(%d,0)'".formatted(PAGES)));
                assertEquals(Long.toString(FULL), old.query("SELECT pg_relation_size('grown_by_old')"));
                assertTrue(Long.parseLong(old.query("SELECT pg_relation_size('grown_by_new')")) > FULL);
            }
        }
    }

    /** Leaves it stopped. */
    private static void grow(LocalPostgres server) throws IOException {
        Map<String, Path> files = new TreeMap<>();
        for (String table : List.of("grown_by_both", "grown_by_old", "grown_by_new")) {
            server.execute("CREATE TABLE %s AS SELECT 'first' AS who, i AS n, repeat('x', 500) AS filler FROM generate_series(1, 100) i".formatted(table));
            files.put(table, file(server, server, table, ""));
        }
        stop(server);
        for (Path file : files.values()) {
            extend(file, FULL);
        }
        Path both = Objects.requireNonNull(files.get("grown_by_both"));
        extend(Files.createFile(both.resolveSibling(both.getFileName() + ".1")), 5 * MaskedPage.SIZE);
    }

    private static void extend(Path file, long length) throws IOException {
        try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
            open.setLength(length);
        }
    }

    private static void copyWithHoles(LocalPostgres from, Path to) throws IOException {
        try (ExternalProcess copying = ExternalProcess.start(List.of("cp", "-a", "--sparse=always", from.dataDirectory().toString(), to.toString()))) {
            assertEquals(0, copying.awaitExit(LIMIT), copying.output());
        }
        Files.createFile(to.resolve("standby.signal"));
    }

    /** Where {@code table} is in {@code whose} directory, as {@code running} says. */
    private static Path file(LocalPostgres whose, LocalPostgres running, String table, String suffix) {
        return whose.dataDirectory().resolve(running.query("SELECT pg_relation_filepath('%s')".formatted(table)) + suffix);
    }

    /** Rows at the end, and some on the first page; without reading what is between. */
    private static void insert(LocalPostgres server, String who, String table, int rows) {
        server.execute(
                "INSERT INTO %s SELECT '%s', i, repeat('y', 500) FROM generate_series(1, %d) i".formatted(table, who, rows),
                "UPDATE %s SET who = '%s' WHERE ctid < '(1,0)' AND n %% 2 = 0".formatted(table, who));
    }

    private static Map<String, String> contents(LocalPostgres server) {
        Map<String, String> contents = new TreeMap<>();
        for (String table : List.of("grown_by_both", "grown_by_old", "grown_by_new")) {
            for (String where : List.of("ctid < '(100,0)'", "ctid >= '(%d,0)'".formatted(PAGES - 1))) {
                contents.put(
                        table + " " + where,
                        server.query("SELECT count(*) || ' ' || coalesce(md5(string_agg(who || n || filler, '|' ORDER BY ctid)), '') FROM %s WHERE %s".formatted(table, where)));
            }
        }
        return contents;
    }
}
