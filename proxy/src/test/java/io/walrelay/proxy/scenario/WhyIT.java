package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.WhyReport;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.WalrelayCommand;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.postgresql.PGConnection;
import org.postgresql.PGProperty;
import org.postgresql.replication.LogSequenceNumber;
import org.postgresql.replication.PGReplicationStream;

/** What {@code walrelay why} says of real standbys and of clients that can't be ones. */
@Timeout(180)
final class WhyIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Programs PROGRAMS = Programs.version(15);
    private static final Psql PSQL = new Psql(PROGRAMS);

    @TempDir
    private Path directory;

    private static Programs.Result why(RelayProcess relay, String name, String... more) {
        String[] line = new String[4 + more.length];
        System.arraycopy(new String[] {"why", name, "--url", relay.url()}, 0, line, 0, 4);
        System.arraycopy(more, 0, line, 4, more.length);
        return WalrelayCommand.run(LIMIT, Map.of(), line);
    }

    private static List<String> causes(RelayProcess relay, String name) throws Exception {
        WhyReport report = Json.MAPPER.readValue(relay.get("/api/v1/standbys/%s/why".formatted(name)).body(), WhyReport.class);
        return report.causes().stream().map(WhyReport.Cause::cause).toList();
    }

    private static void awaitCauses(RelayProcess relay, String name, List<String> causes) {
        Await.until("%s to have the causes %s".formatted(name, causes), LIMIT, () -> causes(relay, name), causes::equals);
    }

    private static void assertTold(Programs.Result told, String... parts) {
        assertEquals(1, told.status(), told::output);
        for (String part : parts) {
            assertTrue(told.output().contains(part), () -> part + " is not in: " + told.output());
        }
    }

    @Test
    void whoCanNotStreamIsToldWhyAndWhatMendsIt() throws Exception {
        try (LocalPostgres primary = LocalPostgres.of(PROGRAMS.server()).name("primary").start()) {
            primary.execute("CREATE ROLE repl LOGIN REPLICATION PASSWORD 'right'");
            String verifier = primary.query("SELECT rolpassword FROM pg_authid WHERE rolname = 'repl'");
            Path users = Files.writeString(directory.resolve("users.txt"), "\"repl\" \"%s\"\n".formatted(verifier));
            try (RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"))
                    .with("WALRELAY_LISTEN_HBA", "host replication postgres 127.0.0.1/32 trust;host replication repl 127.0.0.1/32 scram-sha-256")
                    .with("WALRELAY_LISTEN_USERS_FILE", users.toString())
                    .start()) {
                relay.awaitReady(LIMIT);
                assertTold(why(relay, "nobody"), "nothing was heard of a standby \"nobody\"", "known are: none");

                String repl = "host=127.0.0.1 port=%d user=repl password=wrong application_name=".formatted(relay.port());
                assertEquals(2, PSQL.replication(repl + "s1", "IDENTIFY_SYSTEM").status());
                assertTold(why(relay, "s1"), "password: somebody who calls himself so was refused", "ALTER ROLE \"repl\" PASSWORD");

                String stranger = "host=127.0.0.1 port=%d user=stranger application_name=s2".formatted(relay.port());
                assertEquals(2, PSQL.replication(stranger, "IDENTIFY_SYSTEM").status());
                assertTold(why(relay, "s2"), "hba: somebody who calls himself so was refused", "host replication \"stranger\" 127.0.0.1/32 scram-sha-256");

                PSQL.replication(relay.conninfo("s3"), "START_REPLICATION SLOT nowhere PHYSICAL 0/1000000");
                assertTold(why(relay, "s3"), "slot: refused", "replication slot \"nowhere\" does not exist", "walrelay slot create nowhere");
                assertEquals(List.of("slot"), causes(relay, "nowhere"));

                PSQL.replication(relay.conninfo("s4"), "START_REPLICATION PHYSICAL 0/1000000 TIMELINE 9");
                assertTold(why(relay, "s4"), "diverged: refused", "requested timeline 9", "walrelay rewind -D DIRECTORY -R", " --relay=" + relay.url(), "pg_rewind -D DIRECTORY -R");

                whoIsAhead(relay);

                PSQL.replication(relay.conninfo(), "CREATE_REPLICATION_SLOT early PHYSICAL RESERVE_WAL").orFail();
                assertTold(why(relay, "early"), "not-connected: ", "its slot was never used", "primary_slot_name = 'early'");
                whatAStandbyGoesThrough(primary, relay);
            }
        }
    }

    private static void whoIsAhead(RelayProcess relay) throws Exception {
        Properties properties = new Properties();
        PGProperty.USER.set(properties, "postgres");
        PGProperty.REPLICATION.set(properties, "true");
        PGProperty.PREFER_QUERY_MODE.set(properties, "simple");
        PGProperty.ASSUME_MIN_SERVER_VERSION.set(properties, "9.4");
        PGProperty.APPLICATION_NAME.set(properties, "far ahead");
        try (Connection connection = DriverManager.getConnection("jdbc:postgresql://127.0.0.1:%d/".formatted(relay.port()), properties);
                PGReplicationStream stream = connection
                        .unwrap(PGConnection.class)
                        .getReplicationAPI()
                        .replicationStream()
                        .physical()
                        .withStartPosition(LogSequenceNumber.valueOf("F/0"))
                        .start()) {
            assertEquals(false, stream.isClosed());
            awaitCauses(relay, "far%20ahead", List.of("ahead"));
            assertTold(why(relay, "far ahead", "--format", "json"), "\"cause\":\"ahead\"", "from F/0");
        }
    }

    private static void whatAStandbyGoesThrough(LocalPostgres primary, RelayProcess relay) throws Exception {
        try (LocalPostgres standby = LocalPostgres.standbyOf(primary, relay.conninfo("early")).name("early").slot("early").copyWal().start()) {
            awaitCauses(relay, "early", List.of());
            Programs.Result well = why(relay, "early");
            assertEquals(0, well.status(), well::output);
            assertTrue(well.output().contains("early streams, and nothing holds it back"), well::output);

            standby.execute("SELECT pg_wal_replay_pause()");
            primary.execute("CREATE TABLE t AS SELECT 1 AS a");
            awaitCauses(relay, "early", List.of("replay"));
            standby.execute("SELECT pg_wal_replay_resume()");
            awaitCauses(relay, "early", List.of());

            standby.stop(LocalPostgres.StopMode.IMMEDIATE);
            awaitCauses(relay, "early", List.of("not-connected"));
            assertTold(why(relay, "early"), "its slot was sent WAL up to ");
            standby.start();
            awaitCauses(relay, "early", List.of());

            primary.stop(LocalPostgres.StopMode.IMMEDIATE);
            awaitCauses(relay, "early", List.of("upstream"));
            assertEquals(0, why(relay, "early").status());

            // Promoted by mistake, and put back: it comes, hears of the earlier timeline, and leaves by itself.
            standby.promote();
            standby.stop(LocalPostgres.StopMode.FAST);
            Files.createFile(standby.dataDirectory().resolve("standby.signal"));
            standby.start();
            awaitCauses(relay, "early", List.of("no-stream", "upstream"));
            // It comes again and again, and is not connected in between.
            String told = Await.until("why to say that it left", LIMIT, () -> why(relay, "early").output(), output -> output.contains("was told that the relay is on timeline 1, and left"));
            assertTrue(told.contains("walrelay rewind -D DIRECTORY -R"), told);
            assertTrue(standby.log().contains("highest timeline 1 of the primary is behind recovery timeline 2"), standby::log);
        }
    }
}
