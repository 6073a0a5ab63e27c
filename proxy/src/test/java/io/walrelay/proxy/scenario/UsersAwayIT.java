package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.auth.JdbcAuthQuery;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** "There is no such user" and "nobody could be asked" are different answers; neither tells a stranger who exists. */
@Timeout(180)
final class UsersAwayIT {

    private static final Programs PROGRAMS = Programs.version(15);
    private static final Psql PSQL = new Psql(PROGRAMS);

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private static final String RULES = String.join(
            ";",
            "host replication trusted 127.0.0.1/32 trust",
            "host replication hashed 127.0.0.1/32 md5",
            "host replication all 127.0.0.1/32 scram-sha-256");

    @TempDir
    private Path directory;

    private LocalPostgres primary;

    @BeforeEach
    void startPrimary() {
        primary = LocalPostgres.of(PROGRAMS.server()).start();
        primary.execute(
                "CREATE ROLE standby LOGIN REPLICATION PASSWORD 'right'",
                "CREATE ROLE plain LOGIN PASSWORD 'right'",
                "CREATE ROLE other LOGIN REPLICATION PASSWORD 'right'",
                "CREATE ROLE trusted LOGIN REPLICATION",
                "SET password_encryption = 'md5'",
                "CREATE ROLE hashed LOGIN REPLICATION PASSWORD 'right'");
    }

    @AfterEach
    void stopPrimary() {
        primary.close();
    }

    private void setUpAuthQuery() throws Exception {
        Path setup = Files.writeString(directory.resolve("setup.sql"), JdbcAuthQuery.setupSql());
        PROGRAMS.run(LIMIT, "psql", "-X", "-f", setup.toString(), primary.conninfo()).orFail();
    }

    private RelayProcess relay(int upstreamPort) {
        return RelayProcess.of("host=127.0.0.1 port=%d user=postgres dbname=postgres".formatted(upstreamPort), "relay", directory.resolve("data"))
                .with("WALRELAY_LISTEN_HBA", RULES);
    }

    private static Programs.Result libpq(int port, String user, String password) {
        return PSQL.replication("host=127.0.0.1 port=%d user=%s password=%s dbname=x sslmode=disable".formatted(port, user, password), "IDENTIFY_SYSTEM");
    }

    private static void awaitAdmitted(RelayProcess relay, String user) {
        Await.until("%s to log in".formatted(user), LIMIT, () -> libpq(relay.port(), user, "right"), result -> result.status() == 0);
    }

    /** With its SQLSTATE, which libpq does not print. */
    private static SQLException refusal(RelayProcess relay, String user, String password) {
        Properties properties = new Properties();
        properties.setProperty("user", user);
        properties.setProperty("password", password);
        properties.setProperty("replication", "true");
        properties.setProperty("assumeMinServerVersion", "9.4");
        properties.setProperty("preferQueryMode", "simple");
        properties.setProperty("sslmode", "disable");
        properties.setProperty("gssEncMode", "disable");
        String url = "jdbc:postgresql://127.0.0.1:%d/x".formatted(relay.port());
        return assertThrows(SQLException.class, () -> DriverManager.getConnection(url, properties).close(), user);
    }

    private static void assertCouldNotLook(RelayProcess relay, String user, String password) {
        SQLException refusal = refusal(relay, user, password);
        String message = String.valueOf(refusal.getMessage());
        assertEquals("57P03", refusal.getSQLState(), message);
        assertTrue(message.contains("could not look up user \"%s\"".formatted(user)), message);
        assertTrue(message.contains("try again later"), message);
    }

    @Test
    void whileUpstreamIsAwayOnlyAPasswordThatIsRememberedIsJudged() throws Exception {
        setUpAuthQuery();
        try (FaultProxy upstream = FaultProxy.to(primary.port());
                RelayProcess relay = relay(upstream.port()).start()) {
            awaitAdmitted(relay, "standby");
            // Remembered, and refused only because it may not replicate.
            assertEquals("42501", refusal(relay, "plain", "right").getSQLState());
            assertEquals("28P01", refusal(relay, "stranger", "right").getSQLState());
            upstream.refuse(true);
            upstream.cut(FaultProxy.Cut.RST);
            relay.kill();
            relay.start();
            assertEquals(0, libpq(relay.port(), "standby", "right").status());
            assertEquals("42501", refusal(relay, "plain", "right").getSQLState());
            assertCouldNotLook(relay, "standby", "wrong");
            assertCouldNotLook(relay, "other", "right");
            assertCouldNotLook(relay, "hashed", "right");
            assertCouldNotLook(relay, "stranger", "right");
            assertTrue(relay.log().contains("could not look up user \"stranger\": upstream can't be asked for users"), relay::log);
            upstream.refuse(false);
            awaitAdmitted(relay, "other");
            assertEquals("28P01", refusal(relay, "standby", "wrong").getSQLState());
            assertEquals("28P01", refusal(relay, "stranger", "right").getSQLState());
        }
    }

    /** Else whoever waits for an absence of upstream would learn which names have logged in before. */
    @Test
    void whileUpstreamIsAwayNobodyLearnsWhoExists() throws Exception {
        setUpAuthQuery();
        try (FaultProxy upstream = FaultProxy.to(primary.port());
                RelayProcess relay = relay(upstream.port()).start()) {
            awaitAdmitted(relay, "standby");
            upstream.refuse(true);
            upstream.cut(FaultProxy.Cut.RST);
            relay.kill();
            relay.start();
            List<String> remembered = answers(relay, "standby");
            assertEquals(List.of("R10", "R11"), remembered.subList(0, 2));
            assertEquals(remembered, answers(relay, "other"));
            assertEquals(remembered, answers(relay, "stranger"));
        }
    }

    /** What the server says to a wrong password: the kinds of authentication messages, and the error with the name taken out. */
    private static List<String> answers(RelayProcess relay, String user) {
        try (FaultProxy proxy = FaultProxy.to(relay.port())) {
            proxy.record(FaultProxy.Direction.TO_CLIENT);
            assertEquals(2, libpq(proxy.port(), user, "wrong").status());
            ByteBuffer bytes = ByteBuffer.wrap(proxy.recorded(FaultProxy.Direction.TO_CLIENT));
            List<String> answers = new ArrayList<>();
            while (bytes.hasRemaining()) {
                char type = (char) bytes.get();
                byte[] body = new byte[bytes.getInt() - 4];
                bytes.get(body);
                answers.add(
                        type == 'R'
                                ? "R" + ByteBuffer.wrap(body).getInt()
                                : type + new String(body, StandardCharsets.UTF_8).replace("\"" + user + "\"", "NAME"));
            }
            return answers;
        }
    }

    @Test
    void aFunctionThatWasNeverMadeIsNoWrongPassword() {
        try (RelayProcess relay = relay(primary.port()).start()) {
            awaitAdmitted(relay, "trusted");
            assertCouldNotLook(relay, "standby", "right");
            assertCouldNotLook(relay, "stranger", "right");
            assertTrue(relay.log().contains("walrelay_auth"), relay::log);
        }
    }

    @Test
    void aUsersFileThatIsGoneIsNoWrongPassword() throws Exception {
        Path users = directory.resolve("users.txt");
        Files.writeString(users, "\"standby\" \"%s\"\n".formatted(primary.query("SELECT rolpassword FROM pg_authid WHERE rolname = 'standby'")));
        try (RelayProcess relay = relay(primary.port()).with("WALRELAY_LISTEN_USERS_FILE", users.toString()).start()) {
            awaitAdmitted(relay, "standby");
            assertEquals("28P01", refusal(relay, "stranger", "right").getSQLState());
            Files.delete(users);
            assertCouldNotLook(relay, "standby", "right");
            assertCouldNotLook(relay, "stranger", "right");
        }
    }
}
