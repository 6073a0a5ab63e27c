package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.OsProcess;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * After a failover the relay's address is the new primary's, for psql and for the pg_rewind of the old one.
 *
 * <pre>
 *   timeline 1   one ──────■ killed            ┌─▶ rewound by the relay's address, standby of the relay
 *   timeline 2   two       └───────────────────┴──▶
 * </pre>
 */
@Timeout(180)
final class ForwardFailoverIT {

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void newSessionsReachTheNewPrimary(int version) throws IOException {
        Programs programs = Programs.version(version);
        try (LocalPostgres one = Forwarding.primary(programs).name("one").set("wal_log_hints", "on").start()) {
            Forwarding.makeRoles(one);
            one.execute(
                    "CREATE TABLE t (n int)",
                    "GRANT ALL ON t TO app",
                    // As pg_rewind's manual page says.
                    "GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean) TO app",
                    "GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO app",
                    "GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO app",
                    "GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO app");
            try (LocalPostgres two = LocalPostgres.standbyOf(one, one.conninfo()).name("two").start();
                    RelayProcess relay = Forwarding.relay(
                                    "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(one.port(), two.port()), directory.resolve("data"))
                            .start()) {
                RelayStatus.awaitStreaming(relay, one, Forwarding.LIMIT);
                String app = Forwarding.sql(relay, "app");
                assertEquals(one.port() + "\n", port(programs, app));

                two.awaitReplay(one.flushedLsn(), Forwarding.LIMIT);
                one.stop(LocalPostgres.StopMode.FAST);
                RelayStatus.await("the relay to lose its upstream", relay, Forwarding.LIMIT, s -> !s.upstream().state().equals("streaming"));
                Programs.Result away = Forwarding.psql(programs, app, "SELECT 1");
                assertEquals(2, away.status(), away::output);
                assertTrue(away.output().contains("HINT:  walrelay status says what keeps the relay from it"), away::output);

                two.promote();
                RelayStatus.awaitStreaming(relay, two, Forwarding.LIMIT);
                assertEquals(two.port() + "\n", port(programs, app));
                Forwarding.psql(programs, app, "INSERT INTO t VALUES (2)").orFail();

                rewind(programs, one, app);
                one.set("primary_conninfo", Forwarding.conninfo(relay, "repl"));
                one.start();
                Await.until("the new primary's row on the old one", Forwarding.LIMIT, () -> one.query("SELECT count(*) FROM t"), "1"::equals);
                assertEquals("t", one.query("SELECT pg_is_in_recovery()"));
            }
        }
    }

    /** The operator moves the relay while the server that it leaves lives on. */
    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void sessionsLeaveAServerThatTheRelayHasLeft(int version) throws Exception {
        Programs programs = Programs.version(version);
        try (LocalPostgres one = Forwarding.primary(programs).name("one").start()) {
            Forwarding.makeRoles(one);
            try (LocalPostgres two = LocalPostgres.standbyOf(one, one.conninfo()).name("two").start();
                    RelayProcess relay = Forwarding.relay(
                                    "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(one.port(), two.port()), directory.resolve("data"))
                            .start()) {
                RelayStatus.awaitStreaming(relay, one, Forwarding.LIMIT);
                String app = Forwarding.sql(relay, "app");
                assertEquals(one.port() + "\n", port(programs, app));
                try (ExternalProcess sleeper = programs.start("psql", "-X", "-w", "-c", "SELECT pg_sleep(300)", app)) {
                    Await.until(
                            "the query to run",
                            Forwarding.LIMIT,
                            () -> one.query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND wait_event = 'PgSleep'"),
                            "1"::equals);
                    RelayStatus.follow(relay, "127.0.0.1:" + two.port());
                    RelayStatus.awaitStreaming(relay, two, Forwarding.LIMIT);
                    assertEquals(2, sleeper.awaitExit(Forwarding.LIMIT), sleeper::output);
                    String left = "FATAL:  terminating connection because the relay has left upstream 127.0.0.1:" + one.port();
                    assertTrue(sleeper.output().contains(left), sleeper::output);
                }
                assertEquals(two.port() + "\n", port(programs, app));
                assertEquals("f", one.query("SELECT pg_is_in_recovery()"));
            }
        }
    }

    private static String port(Programs programs, String conninfo) {
        return Forwarding.psql(programs, conninfo, "SELECT inet_server_port()").orFail();
    }

    /** The old primary goes its own way first, and is stopped. */
    private static void rewind(Programs programs, LocalPostgres old, String source) throws IOException {
        old.start();
        old.execute("INSERT INTO t VALUES (1)");
        old.stop(LocalPostgres.StopMode.FAST);
        List<String> command = List.of(
                programs.home().resolve("bin/pg_rewind").toString(), "--no-sync", "--target-pgdata", old.dataDirectory().toString(), "--source-server", source);
        try (ExternalProcess rewind = ExternalProcess.start(OsProcess.unprivileged(command))) {
            assertEquals(0, rewind.awaitExit(Forwarding.LIMIT), rewind::output);
            assertTrue(rewind.output().contains("Done!"), rewind::output);
        }
        Files.createFile(old.dataDirectory().resolve("standby.signal"));
    }
}
