package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.Servers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** {@code walrelay check} against real servers, good ones and some that lack something: its exit status and what it advises. */
@Timeout(90)
final class CheckIT {

    @TempDir
    private Path directory;

    private Path data;
    private Path config;

    @BeforeEach
    void askForLittleRoom() throws IOException {
        data = directory.resolve("data");
        config = Files.writeString(directory.resolve("walrelay.yaml"), "cache: {disk: 128MB}\n");
    }

    static Stream<Integer> versions() {
        return Servers.versions();
    }

    @ParameterizedTest
    @MethodSource("versions")
    void passesOnEveryVersionAndChangesNothing(int version) throws IOException {
        try (LocalPostgres server = LocalPostgres.of(Servers.version(version)).start()) {
            server.execute("CREATE ROLE walrelay LOGIN REPLICATION");
            String host = "127.0.0.1:" + server.port();
            CommandRun check = check("host=127.0.0.1 port=%d user=walrelay".formatted(server.port()));

            assertEquals(0, check.status(), check::toString);
            assertEquals("", check.err());
            assertLine(check, "ok    %s replication connection: connected".formatted(host));
            assertLine(check, "ok    %s SQL connection: connected".formatted(host));
            assertLine(check, "ok    %s version: %d.".formatted(host, version));
            assertLine(check, "ok    %s wal_level: replica".formatted(host));
            assertLine(check, "ok    %s max_wal_senders: 1 of 64 in use".formatted(host));
            assertLine(check, "ok    %s slot relay: absent".formatted(host));
            assertLine(check, "warn  %s max_slot_wal_keep_size: -1 (expected a limit)".formatted(host));
            assertEquals(1, check.out().lines().filter(line -> !line.startsWith("ok ")).count(), check::out);
            assertEquals("0", server.query("SELECT count(*) FROM pg_replication_slots"));
            assertFalse(Files.exists(data), "the data directory");
        }
    }

    @Test
    void printsTheSameAsJson() {
        try (LocalPostgres server = LocalPostgres.of(Servers.version(18)).start()) {
            CommandRun good = check(server.conninfo(), "--format", "json");
            assertEquals(0, good.status(), good::toString);
            List<Map<String, String>> findings = findings(good);
            assertTrue(findings.stream().allMatch(f -> f.keySet().containsAll(List.of("level", "what", "found", "expected"))), good::out);
            assertTrue(findings.stream().anyMatch(f -> "warn".equals(f.get("level")) && f.containsKey("hint")), good::out);
            assertEquals(check(server.conninfo()).out().lines().count(), findings.size());

            CommandRun refused = check("host=127.0.0.1 port=%d user=nobody".formatted(server.port()), "--format", "JSON");
            assertEquals(1, refused.status(), refused::toString);
            assertTrue(
                    findings(refused).stream()
                            .anyMatch(f -> "fail".equals(f.get("level")) && f.getOrDefault("found", "").contains("role \"nobody\" does not exist")),
                    refused::out);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {13, 18})
    void saysWhatIsMissing(int version) throws Exception {
        try (LocalPostgres server = LocalPostgres.of(Servers.version(version)).start()) {
            String host = "127.0.0.1:" + server.port();
            server.execute("CREATE ROLE weak LOGIN", "CREATE ROLE walrelay LOGIN REPLICATION");
            CommandRun weak = check("host=127.0.0.1 port=%d user=weak".formatted(server.port()));
            assertEquals(1, weak.status(), weak::toString);
            assertLine(weak, "FAIL  %s replication connection: FATAL: ".formatted(host));
            assertLine(weak, "FAIL  %s role: weak, no REPLICATION (expected REPLICATION)  ALTER ROLE weak REPLICATION".formatted(host));

            String conninfo = "host=127.0.0.1 port=%d user=walrelay".formatted(server.port());
            server.set("max_wal_senders", "1");
            server.set("max_replication_slots", "1");
            server.restart();
            server.execute("SELECT pg_create_physical_replication_slot('other')");
            CommandRun slots = check(conninfo);
            assertEquals(1, slots.status(), slots::toString);
            assertLine(slots, "FAIL  %s max_replication_slots: 1 of 1 in use (expected one for the relay)  raise max_replication_slots".formatted(host));
            try (Connection taken = DriverManager.getConnection("jdbc:postgresql://%s/postgres?user=postgres&replication=true&assumeMinServerVersion=13&preferQueryMode=simple".formatted(host))) {
                assertTrue(taken.isValid(10));
                CommandRun senders = check(conninfo);
                assertEquals(1, senders.status(), senders::toString);
                assertLine(senders, "FAIL  %s replication connection: FATAL: number of requested standby connections exceeds ".formatted(host));
                assertLine(senders, "FAIL  %s max_wal_senders: 1 of 1 in use (expected one for the relay)  raise max_wal_senders".formatted(host));
            }

            server.execute("SELECT pg_drop_replication_slot('other')");
            server.set("wal_level", "minimal");
            server.set("max_wal_senders", "0");
            server.restart();
            CommandRun minimal = check(conninfo);
            assertEquals(1, minimal.status(), minimal::toString);
            assertLine(minimal, "FAIL  %s wal_level: minimal (expected replica or logical)  ALTER SYSTEM SET wal_level = replica".formatted(host));
            assertLine(minimal, "FAIL  %s max_wal_senders: 0 of 0 in use (expected one for the relay)  raise max_wal_senders".formatted(host));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {13, 18})
    void asksOverTlsAsTheRelayWill(int version) throws Exception {
        Certificates certificates = Certificates.in(directory);
        Certificates.Pair pair = certificates.issue("server");
        Certificates.Pair client = certificates.issue("withcert");
        Certificates others = Certificates.in(Files.createDirectory(directory.resolve("others")));
        try (LocalPostgres server = LocalPostgres.of(Servers.version(version))
                .set("password_encryption", "scram-sha-256")
                .set("ssl", "on")
                .set("ssl_cert_file", pair.certificate().toString())
                .set("ssl_key_file", pair.key().toString())
                .set("ssl_ca_file", certificates.authority().toString())
                .hba("hostssl all,replication scram 127.0.0.1/32 scram-sha-256")
                .hba("hostssl all,replication withcert 127.0.0.1/32 cert")
                .hba("host all,replication scram,withcert 0.0.0.0/0 reject")
                .start()) {
            server.execute("CREATE ROLE scram LOGIN REPLICATION PASSWORD 'right one'", "CREATE ROLE withcert LOGIN REPLICATION");
            String host = "127.0.0.1:" + server.port();
            String scram = "host=127.0.0.1 port=%d user=scram password='right one' ".formatted(server.port());
            String root = "sslrootcert=" + certificates.authority();
            CommandRun verified = check(scram + "sslmode=verify-full channel_binding=require " + root);
            assertEquals(0, verified.status(), verified::toString);
            assertLine(verified, "ok    %s replication connection: connected".formatted(host));
            assertLine(verified, "ok    %s SQL connection: connected".formatted(host));

            CommandRun byCertificate = check("host=127.0.0.1 port=%d user=withcert sslmode=verify-full %s sslcert=%s sslkey=%s"
                    .formatted(server.port(), root, client.certificate(), client.key()));
            assertEquals(0, byCertificate.status(), byCertificate::toString);

            assertRefused(check(scram + "sslmode=disable"), host, "pg_hba.conf rejects replication connection");
            assertRefused(check(scram + "sslmode=verify-full sslrootcert=" + others.authority()), host, "certificate verify failed");
            assertRefused(check(scram.replace("right", "wrong") + "sslmode=verify-full " + root), host, "password authentication failed for user \"scram\"");
            assertRefused(check(scram.replace("host=127.0.0.1", "host=localhost hostaddr=127.0.0.1") + "sslmode=verify-full " + root), "localhost:" + server.port(), "localhost");
        }
    }

    @Test
    void namesEachHostThatDoesNotAnswer() {
        try (LocalPostgres server = LocalPostgres.of(Servers.version(15)).set("listen_addresses", "127.0.0.1,::1").hba("host all,replication all ::1/128 trust").start()) {
            CommandRun check = check("host=::1,127.0.0.1,nowhere.invalid port=%d,1,5432 user=postgres".formatted(server.port()));
            assertEquals(1, check.status(), check::toString);
            assertLine(check, "ok    [::1]:%d replication connection: connected".formatted(server.port()));
            assertLine(check, "FAIL  127.0.0.1:1 replication connection: Connection to 127.0.0.1:1 refused");
            assertLine(check, "FAIL  nowhere.invalid:5432 replication connection: ");
        }
    }

    private static void assertRefused(CommandRun check, String host, String reason) {
        assertEquals(1, check.status(), check::toString);
        assertTrue(
                check.out().lines().anyMatch(line -> line.startsWith("FAIL  %s replication connection: ".formatted(host)) && line.contains(reason)), check::out);
        assertFalse(check.toString().contains("right one"), check::toString);
    }

    private CommandRun check(String upstream, String... more) {
        return CommandRun.of(Stream.concat(
                        Stream.of("check", "-c", config.toString(), "--upstream", upstream, "--slot", "relay", "--data", data.toString()), Stream.of(more))
                .toArray(String[]::new));
    }

    private static List<Map<String, String>> findings(CommandRun check) {
        return JsonMapper.shared().readValue(check.out(), new TypeReference<>() {});
    }

    private static void assertLine(CommandRun check, String beginning) {
        assertTrue(check.out().lines().anyMatch(line -> line.startsWith(beginning)), () -> "no line begins with \"%s\":%n%s".formatted(beginning, check.out()));
    }
}
