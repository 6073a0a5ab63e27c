package io.walrelay.proxy.rewind;

import static io.walrelay.proxy.rewind.TwoServers.LIMIT;
import static io.walrelay.proxy.rewind.TwoServers.content;
import static io.walrelay.proxy.rewind.TwoServers.diverge;
import static io.walrelay.proxy.rewind.TwoServers.promote;
import static io.walrelay.proxy.rewind.TwoServers.rewind;
import static io.walrelay.proxy.rewind.TwoServers.startAfterRewind;
import static io.walrelay.proxy.rewind.TwoServers.stop;
import static io.walrelay.proxy.rewind.TwoServers.who;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.rewind.Rewind;
import io.walrelay.rewind.RewindListener;
import io.walrelay.rewind.RewindRequest;
import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.Leftover;
import io.walrelay.rewind.source.RewindSource.Fetch;
import io.walrelay.rewind.source.RewindSource.Sink;
import io.walrelay.rewind.source.ServerSource;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KindsOfRewindIT {

    @TempDir
    private Path directory;

    /**
     * Both took timeline 2 where the old primary ended; pg_rewind sees one timeline and says that no rewind is required.
     *
     * <pre>
     *   old  1 ─────╳─2─▶ this
     *               └─2─▶ that
     * </pre>
     */
    @Test
    void oneNumberTakenTwiceIsSeenByTheBytes() {
        try (TwoServers servers = TwoServers.of(Servers.version(15));
                LocalPostgres that = LocalPostgres.standbyOf(servers.old, servers.old.conninfo()).name("that").start()) {
            LocalPostgres now = servers.standby;
            Await.until("two standbys", LIMIT, () -> servers.old.query("SELECT count(*) FROM pg_stat_replication"), "2"::equals);
            stop(servers.old);
            promote(now);
            promote(that);
            assertEquals(now.timeline(), that.timeline());
            diverge(now, "this");
            diverge(that, "that");
            stop(that);

            Programs.Result result = rewind(that, "--source-server", now.conninfo(), "-R");

            assertEquals(0, result.status(), result.output());
            assertTrue(result.output().contains("both on timeline 2, but each has its own"), result.output());
            startAfterRewind(that);
            servers.awaitFollowing(now, that);
            assertEquals("after both this", who(that));
            assertEquals(content(now), content(that));

            stop(that);
            Programs.Result again = rewind(that, "--source-server", now.conninfo(), "--format", "json");
            assertEquals(0, again.status(), again.output());
            assertTrue(again.output().contains("no rewind required"), again.output());
            assertTrue(again.output().contains("\"outcome\":\"not_required\""), again.output());
        }
    }

    /** The source is a stopped data directory; a table lies in a tablespace, pg_wal of the target elsewhere; a tablespace is made on each side. */
    @Test
    void tablespacesAndLinksStayWhereTheyAre() throws IOException {
        Programs debian = Programs.version(15);
        Path ours = Files.createDirectory(directory.resolve("ours"));
        Path theirs = Files.createDirectory(directory.resolve("theirs"));
        Path dropped = Files.createDirectory(directory.resolve("dropped"));
        Path wal = directory.resolve("wal");
        try (LocalPostgres old = LocalPostgres.of(debian.server()).name("old").set("wal_keep_size", "1GB").start()) {
            old.execute(
                    "CREATE TABLESPACE space LOCATION '%s'".formatted(theirs),
                    "CREATE TABLE t TABLESPACE space AS SELECT 'both' AS who, i AS n, repeat('x', 200) AS filler FROM generate_series(1, 2000) i",
                    "CREATE UNLOGGED TABLE u AS SELECT * FROM t");
            try (LocalPostgres copy = LocalPostgres.standbyOf(old, old.conninfo())
                    .name("copy")
                    .copiedBy((source, target) -> debian.run(LIMIT, "pg_basebackup", "-d", source.conninfo(), "-D", target.toString(), "-R", "-T", theirs + "=" + ours, "--waldir", wal.toString(), "-c", "fast").orFail())
                    .start()) {
                promote(copy);
                diverge(copy, "copy");
                diverge(old, "old");
                copy.execute("CREATE TABLESPACE gone LOCATION '%s'".formatted(dropped), "CREATE TABLE g TABLESPACE gone AS SELECT 1 AS a");
                stop(copy);
                stop(old);
                makeSpecialFiles(copy, old);

                Programs.Result result = rewind(copy, "--source-pgdata", old.dataDirectory().toString());

                assertEquals(0, result.status(), result.output());
                assertSpecialFiles(copy);
                assertEquals(wal.toRealPath(), copy.dataDirectory().resolve("pg_wal").toRealPath());
                assertEquals(List.of(), List.of(dropped.toFile().list()));
                Files.createFile(copy.dataDirectory().resolve("standby.signal"));
                old.start();
                copy.set("primary_conninfo", old.conninfo());
                copy.start();
                old.execute("INSERT INTO t VALUES ('after', 1, '')");
                copy.awaitReplay(old.flushedLsn(), LIMIT);
                assertEquals("after both old", who(copy));
                assertEquals(content(old), content(copy));
                assertEquals(ours.toString(), copy.query("SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'space'"));

                promote(copy);
                assertEquals("2000 0", old.query("SELECT count(*) FROM u") + " " + copy.query("SELECT count(*) FROM u"));
                copy.execute("INSERT INTO u SELECT * FROM t");
                old.execute("CREATE TABLESPACE mine LOCATION '%s'".formatted(dropped));
                stop(copy);
                Programs.Result refused = rewind(copy, "--source-server", old.conninfo());
                assertEquals(1, refused.status(), refused.output());
                assertTrue(refused.output().contains("where another server of this machine has one"), refused.output());
            }
        }
    }

    /** The target's group may read it; both have a key that nobody may write, and what a query left that did not end. */
    private static void makeSpecialFiles(LocalPostgres target, LocalPostgres source) throws IOException {
        for (LocalPostgres server : List.of(target, source)) {
            Path key = Files.writeString(server.dataDirectory().resolve("server.key"), server.name());
            Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("r--------"));
            Path temporary = Files.createDirectories(server.dataDirectory().resolve("base/pgsql_tmp"));
            Path left = Files.writeString(temporary.resolve("pgsql_tmp%s.0".formatted(server.name())), "left");
            for (Path file : List.of(key, temporary, left)) {
                Files.setOwner(file, Files.getOwner(server.dataDirectory()));
            }
        }
        Files.setPosixFilePermissions(target.dataDirectory(), PosixFilePermissions.fromString("rwxr-x---"));
    }

    /** What is made anew has the permissions that the target's server gives. */
    private static void assertSpecialFiles(LocalPostgres target) throws IOException {
        Path data = target.dataDirectory();
        assertEquals("old", Files.readString(data.resolve("server.key")));
        assertFalse(Files.exists(data.resolve("base/pgsql_tmp/pgsql_tmpcopy.0")));
        assertFalse(Files.exists(data.resolve("base/pgsql_tmp/pgsql_tmpold.0")));
        for (String made : List.of("server.key", "backup_label", "global/pg_control")) {
            assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(data.resolve(made))), made);
        }
    }

    /** Its WAL names the blocks under the tablespace where the database was, not where it is; the sizes are the same. */
    @Test
    void aDatabaseThatWasChangedElsewhereAndMovedBack() throws IOException, SQLException {
        Path elsewhere = Files.createDirectory(directory.resolve("elsewhere"));
        try (TwoServers servers = TwoServers.of(Servers.version(15))) {
            servers.old.execute("CREATE DATABASE d");
            inDatabase(servers.old, "CREATE TABLE t AS SELECT i, 0 AS n, repeat('x', 200) AS filler FROM generate_series(1, 2000) i");
            servers.old.execute("CHECKPOINT");
            servers.awaitReplay(servers.old, servers.standby);
            promote(servers.standby);
            servers.old.execute("CREATE TABLESPACE elsewhere LOCATION '%s'".formatted(elsewhere), "ALTER DATABASE d SET TABLESPACE elsewhere");
            inDatabase(servers.old, "UPDATE t SET n = 1 WHERE i % 4 = 0");
            inDatabase(servers.old, "VACUUM t");
            servers.old.execute("ALTER DATABASE d SET TABLESPACE pg_default");
            stop(servers.old);

            Programs.Result result = rewind(servers.old, "--source-server", servers.standby.conninfo(), "-R");

            assertEquals(0, result.status(), result.output());
            startAfterRewind(servers.old);
            servers.awaitFollowing(servers.standby, servers.old);
            assertEquals("2000 0", inDatabase(servers.old, "SELECT count(*) || ' ' || sum(n) FROM t"));
        }
    }

    /** Runs a statement in the database d; the first value that it yields, if any. */
    private static String inDatabase(LocalPostgres server, String sql) throws SQLException {
        try (Connection connection = server.connect("d");
                Statement statement = connection.createStatement()) {
            if (!statement.execute(sql)) {
                return "";
            }
            try (ResultSet rows = statement.getResultSet()) {
                assertTrue(rows.next(), sql);
                return rows.getString(1);
            }
        }
    }

    /**
     * The segment with the last common checkpoint is in the old primary's archive only; the new one has all from the fork on, or not.
     *
     * <pre>
     *   segment       n    |  n + 1  |
     *   old    1 ────C─────────┬────────╳      R: replay starts at C
     *   new                    └─2───────▶
     * </pre>
     */
    @Test
    void whatOnlyTheTargetsArchiveHasComesBack() throws IOException {
        Path archive = Files.createDirectory(directory.resolve("archive"));
        try (TwoServers servers = TwoServers.of(Servers.version(15))) {
            LocalPostgres old = servers.old;
            LocalPostgres now = servers.standby;
            old.execute("CHECKPOINT");
            String segment = old.query("SELECT pg_walfile_name(pg_switch_wal())");
            servers.awaitReplay(old, now);
            promote(now);
            diverge(now, "new");
            diverge(old, "old");
            old.set("restore_command", "cp %s/%%f %%p".formatted(archive));
            stop(old);
            moveAll(old, segment, archive);
            moveAll(now, segment, Files.createDirectory(directory.resolve("gone")));

            Programs.Result result = rewind(old, "--source-server", now.conninfo(), "-R", "-c");

            assertEquals(0, result.status(), result.output());
            assertTrue(Files.exists(old.dataDirectory().resolve("pg_wal").resolve(segment)), segment);
            old.set("restore_command", "");
            startAfterRewind(old);
            servers.awaitFollowing(now, old);
            assertEquals("after both new", who(old));
        }
    }

    /** Timeline 1's segments up to {@code last}. */
    private static void moveAll(LocalPostgres from, String last, Path to) throws IOException {
        try (Stream<Path> files = Files.list(from.dataDirectory().resolve("pg_wal"))) {
            for (Path file : files.filter(file -> file.getFileName().toString().matches("00000001[0-9A-F]{16}")).toList()) {
                if (file.getFileName().toString().compareTo(last) <= 0) {
                    Files.copy(file, to.resolve(file.getFileName()));
                    Files.delete(file);
                }
            }
        }
    }

    /** As behind an address that several servers share: what is copied from two is neither. */
    private static void assertOneServerOnly(TwoServers servers) throws IOException, RefusedException, SQLException {
        try (ServerSource source = new ServerSource("any", servers.old.connect(), servers.standby::connect, 1)) {
            source.check();
            IOException another = assertThrows(IOException.class, () -> source.fetch(List.of(new Fetch("PG_VERSION", 0, 3, true)), new Sink() {
                @Override
                public void bytes(String path, long offset, ByteBuffer bytes) {
                    throw new AssertionError(path);
                }

                @Override
                public void absent(String path) {
                    throw new AssertionError(path);
                }
            }));
            assertTrue(String.valueOf(another.getMessage()).contains("leads to another server than before"), another.getMessage());
        }
    }

    /** The message has what to run, and it is enough; that the role can't stream is said, and is no reason to refuse. */
    private static void assertRightsAreNamed(LocalPostgres source, LocalPostgres target) {
        source.execute("CREATE ROLE \"Re-wind\" LOGIN");
        String conninfo = source.conninfo() + " user=Re-wind";
        Programs.Result refused = rewind(target, "--source-server", conninfo, "--dry-run");
        assertEquals(1, refused.status(), refused.output());
        int grant = refused.output().indexOf("GRANT EXECUTE");
        assertTrue(grant > 0, refused.output());
        source.execute(refused.output().substring(grant).lines().findFirst().orElseThrow());
        Programs.Result planned = rewind(target, "--source-server", conninfo, "--dry-run", "-R");
        assertEquals(0, planned.status(), planned.output());
        assertTrue(planned.output().contains("ALTER ROLE \"Re-wind\" REPLICATION"), planned.output());
    }

    private static void assertOnlyWithWholePages(LocalPostgres server) throws IOException, RefusedException, SQLException {
        // As one that was open for long while nothing was asked.
        Connection lost = server.connect();
        lost.close();
        try (ServerSource source = new ServerSource("new", lost, server::connect, 1)) {
            source.check();
            server.execute("ALTER SYSTEM SET full_page_writes = off");
            server.reload();
            Await.until("the setting", LIMIT, () -> server.query("SHOW full_page_writes"), "off"::equals);
            RefusedException refused = assertThrows(RefusedException.class, source::check);
            assertEquals("full_page_writes must be enabled in the source server", refused.getMessage());
            server.execute("ALTER SYSTEM RESET full_page_writes");
            server.reload();
            Await.until("the setting", LIMIT, () -> server.query("SHOW full_page_writes"), "on"::equals);
        }
    }

    /** Before it is looked at, and between that and the first change. */
    @Test
    void aTargetThatAServerHasOrHadIsRefused() throws Exception {
        try (TwoServers servers = TwoServers.of(Servers.version(15))) {
            LocalPostgres old = servers.old;
            assertOneServerOnly(servers);
            promote(servers.standby);
            assertOnlyWithWholePages(servers.standby);
            Programs.Result result = rewind(old, "--source-server", servers.standby.conninfo());
            assertEquals(1, result.status(), result.output());
            assertTrue(result.output().contains("error: %s is in use by process ".formatted(old.dataDirectory())), result.output());

            diverge(old, "old");
            stop(old);
            assertRightsAreNamed(servers.standby, old);
            Path control = old.dataDirectory().resolve(ControlFile.PATH);
            byte[] before = Files.readAllBytes(control);
            RewindRequest request = new RewindRequest(
                    old.dataDirectory(), true, false, Optional.empty(), false, Optional.empty(), Optional.empty(), false, Optional.empty(), Map.of());
            RewindListener writer = new RewindListener() {
                @Override
                public void info(String message) {
                    if (message.startsWith("need to copy")) {
                        Lsn later = Lsn.parse("0/7000000");
                        assertDoesNotThrow(() -> Files.write(control, ControlFile.parse("target", before).inRecoveryUpTo(later, new TimelineId(1)).bytes()));
                    }
                }

                @Override
                public void debug(String message) {
                    // Nobody reads it.
                }

                @Override
                public void progress(long fetched, long expected) {
                    // Nobody reads it.
                }
            };
            try (ServerSource source = new ServerSource("standby", servers.standby.connect(), servers.standby::connect, 1)) {
                RefusedException refused = assertThrows(RefusedException.class, () -> new Rewind(request, source, writer).run());
                assertTrue(String.valueOf(refused.getMessage()).startsWith("a server ran on "), refused.getMessage());
            }
            assertEquals(Leftover.NONE, DirectoryChange.leftover(old.dataDirectory(), Optional.empty()));
        }
    }
}
