package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** SQL through the relay: to any database but the relay's own a session is upstream's. */
@Timeout(180)
@ParameterizedClass
@ValueSource(ints = {15, 18})
final class ForwardIT {

    private static final Duration LIMIT = Forwarding.LIMIT;

    private final int version;
    private final Programs programs;

    @TempDir
    private Path directory;

    ForwardIT(int version) {
        this.version = version;
        programs = Programs.version(version);
    }

    @Test
    void psqlQueriesCopiesFailsAndCancels() throws IOException {
        try (LocalPostgres primary = Forwarding.primary(programs).start();
                RelayProcess relay = Forwarding.relay(primary.conninfo() + " max_protocol_version=latest", directory.resolve("data")).start()) {
            Forwarding.makeRoles(primary);
            new Psql(programs).awaitLevel(relay, primary);
            String app = Forwarding.sql(relay, "app");
            assertEquals(
                    "app|postgres|%d|till\n".formatted(primary.port()),
                    psql(app + " application_name=till", "SELECT current_user, current_database(), inet_server_port(), current_setting('application_name')").orFail());
            copiesThereAndBack(app);
            Programs.Result failed = psql(app, "SELECT 1/0");
            assertEquals(1, failed.status());
            assertTrue(failed.output().contains("ERROR:  division by zero"), failed::output);
            cancels(app, primary);
            if (version >= 18) {
                // With its key of 32 bytes.
                cancels(app + " max_protocol_version=3.2", primary);
            }
            refuses(psql(app.replace("right", "wrong"), "SELECT 1"), "FATAL:  password authentication failed for user \"app\"");
            refuses(psql(Forwarding.conninfo(relay, "app") + " dbname=nosuch", "SELECT 1"), "FATAL:  database \"nosuch\" does not exist");
            Await.until("the sessions to end", LIMIT, relay::metrics, metrics -> metrics.contains("walrelay_forwarded_sessions 0.0"));
        }
    }

    private void copiesThereAndBack(String conninfo) throws IOException {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        Random random = new Random(seed);
        Path there = directory.resolve("there");
        Path back = directory.resolve("back");
        try (BufferedWriter out = Files.newBufferedWriter(there)) {
            for (int i = 0; i < 100_000; i++) {
                out.write("%d\t%x%x%x%x%x\n".formatted(i, random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong()));
            }
        }
        psql(conninfo, "CREATE TABLE t (n int, x text)", "\\copy t FROM '%s'".formatted(there), "\\copy (SELECT * FROM t ORDER BY n) TO '%s'".formatted(back)).orFail();
        assertEquals(-1, Files.mismatch(there, back), () -> "-Dwalrelay.seed=" + seed);
        assertTrue(Files.size(there) > (8 << 20));
    }

    private void cancels(String conninfo, LocalPostgres primary) {
        try (ExternalProcess sleeper = programs.start("psql", "-X", "-w", "-c", "SELECT pg_sleep(300)", conninfo)) {
            Await.until(
                    "the query to run",
                    LIMIT,
                    () -> primary.query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND wait_event = 'PgSleep'"),
                    "1"::equals);
            sleeper.signal("INT");
            assertEquals(1, sleeper.awaitExit(LIMIT), sleeper::output);
            assertTrue(sleeper.output().contains("ERROR:  canceling statement due to user request"), sleeper::output);
        }
    }

    private static void refuses(Programs.Result result, String because) {
        assertEquals(2, result.status(), result::output);
        assertTrue(result.output().contains(because), result::output);
    }

    private Programs.Result psql(String conninfo, String... commands) {
        return Forwarding.psql(programs, conninfo, commands);
    }

    /** Both legs have TLS and SCRAM is bound to each of them: the client's to the relay's certificate, the relay's to the server's. */
    @Test
    void bothLegsMayBeEncrypted() throws Exception {
        Certificates certificates = Certificates.in(directory);
        Certificates.Pair pair = certificates.issue("server");
        Files.setPosixFilePermissions(pair.key(), PosixFilePermissions.fromString("rw-------"));
        try (LocalPostgres primary = Forwarding.primary(programs)
                        .set("ssl", "on")
                        .set("ssl_cert_file", pair.certificate().toString())
                        .set("ssl_key_file", pair.key().toString())
                        .start();
                RelayProcess relay = Forwarding.relay(
                                primary.conninfo() + " sslmode=require channel_binding=prefer", directory.resolve("data"))
                        .with("WALRELAY_LISTEN_TLS_CERT", pair.certificate().toString())
                        .with("WALRELAY_LISTEN_TLS_KEY", pair.key().toString())
                        .start()) {
            Forwarding.makeRoles(primary);
            new Psql(programs).awaitLevel(relay, primary);
            String app = Forwarding.sql(relay, "app") + " sslmode=require channel_binding=require";
            assertEquals("t\n", psql(app, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").orFail());
            copiesThereAndBack(app);
            cancels(app, primary);
        }
    }

    @Test
    void aSubscriptionIsFedThroughTheRelay() {
        try (LocalPostgres primary = Forwarding.primary(programs).start();
                RelayProcess relay = Forwarding.relay(primary.conninfo(), directory.resolve("data")).start();
                LocalPostgres subscriber = LocalPostgres.of(programs.server()).name("subscriber").start()) {
            Forwarding.makeRoles(primary);
            new Psql(programs).awaitLevel(relay, primary);
            primary.execute(
                    "CREATE TABLE t (n int PRIMARY KEY)",
                    "INSERT INTO t SELECT generate_series(1, 1000)",
                    "GRANT SELECT ON t TO repl",
                    "CREATE PUBLICATION p FOR TABLE t");
            subscriber.execute(
                    "CREATE TABLE t (n int PRIMARY KEY)",
                    "CREATE SUBSCRIPTION s CONNECTION '%s' PUBLICATION p".formatted(Forwarding.sql(relay, "repl").replace("'", "''")));
            awaitRows(1_000, subscriber);
            primary.execute("INSERT INTO t SELECT generate_series(1001, 2000)");
            awaitRows(2_000, subscriber);
            assertEquals("1", primary.query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 's' AND slot_type = 'logical' AND active"));
            subscriber.execute("DROP SUBSCRIPTION s");
            assertEquals("0", primary.query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 's'"));
        }
    }

    private static void awaitRows(int rows, LocalPostgres subscriber) {
        Await.until("%d rows".formatted(rows), LIMIT, () -> subscriber.query("SELECT count(*) FROM t"), Integer.toString(rows)::equals);
    }

    @Test
    void whoShowsNoKeyIsTheRelaysOwnRoleOrNobody() {
        try (LocalPostgres primary = Forwarding.primary(programs).start();
                RelayProcess relay = Forwarding.relay(primary.conninfo(), directory.resolve("data"))
                        .with("WALRELAY_LISTEN_HBA", "host all,replication all 127.0.0.1/32 trust")
                        .start()) {
            Forwarding.makeRoles(primary);
            new Psql(programs).awaitLevel(relay, primary);
            Programs.Result refused = psql(Forwarding.sql(relay, "app"), "SELECT 1");
            refuses(refused, "FATAL:  the relay has nothing to log user \"app\" in upstream with");
            assertTrue(refused.output().contains("HINT:  make its line in listen.hba scram-sha-256"), refused::output);
            relay.kill();
            relay.with("WALRELAY_LISTEN_FORWARD_AS", "own").start();
            new Psql(programs).awaitLevel(relay, primary);
            Await.until("the relay to stream", LIMIT, () -> psql(Forwarding.sql(relay, "app"), "SELECT current_user").output(), "postgres\n"::equals);
        }
    }
}
