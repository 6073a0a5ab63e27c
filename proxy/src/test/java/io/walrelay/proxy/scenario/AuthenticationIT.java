package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FileTrees;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.WalrelayCommand;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every way to log in, with libpq and pgjdbc, over plain sockets and TLS; users as auth-query finds them on a real server that
 * was set up with what {@code walrelay setup-sql --auth-query} prints.
 */
@Timeout(180)
@ParameterizedClass
@MethodSource("scenes")
final class AuthenticationIT {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private static final String RULES_WITHOUT_TLS = String.join(
            ";",
            "host replication trusted 127.0.0.1/32 trust",
            "host replication rejected 127.0.0.1/32 reject",
            "host replication hashed 127.0.0.1/32 md5",
            "host replication standby,plain,barred,late,changing,stranger,superfluous 127.0.0.1/32 scram-sha-256");

    private static final String RULES = "hostssl replication certified 127.0.0.1/32 cert;" + RULES_WITHOUT_TLS;

    private static final String PLAIN = "sslmode=disable";
    private static final String NOT_A_REPLICATION_ROLE = "FATAL:  permission denied to start WAL sender";

    private final Scene scene;

    AuthenticationIT(Scene scene) {
        this.scene = scene;
    }

    static Stream<Scene> scenes() {
        return Stream.of(15, 18).map(version -> {
            try {
                return new Scene(version);
            } catch (Exception e) {
                throw new IllegalStateException("could not set up PostgreSQL %d and a relay".formatted(version), e);
            }
        });
    }

    /** A server, a relay behind it, and what clients need to reach them by TLS; closed by JUnit. */
    static final class Scene implements AutoCloseable {

        /** What is to be closed, the last first. */
        private final Deque<Closeable> parts = new ArrayDeque<>();

        final Programs programs;
        final Path directory = Files.createTempDirectory("walrelay-authentication-");
        final LocalPostgres primary;
        final RelayProcess relay;
        final Certificates certificates = Certificates.in(directory);
        final Certificates.Pair client = certificates.issue("certified");
        final Certificates.Pair other = certificates.issue("somebody");

        Scene(int version) throws Exception {
            parts.push(() -> FileTrees.delete(directory));
            programs = Programs.version(version);
            try {
                primary = LocalPostgres.of(programs.server()).start();
                parts.push(primary::close);
                relay = relay();
                parts.push(relay::close);
                start();
            } catch (Exception | Error e) {
                close();
                throw e;
            }
        }

        private RelayProcess relay() throws Exception {
            Certificates.Pair server = certificates.issue("server");
            return RelayProcess.of(
                            "host=127.0.0.1 port=%d user=walrelay dbname=postgres".formatted(primary.port()), "relay", directory.resolve("data"))
                    .with("WALRELAY_LISTEN_HBA", RULES)
                    .with("WALRELAY_LISTEN_TLS_CERT", server.certificate().toString())
                    .with("WALRELAY_LISTEN_TLS_KEY", server.key().toString())
                    .with("WALRELAY_LISTEN_TLS_CLIENT_CA", certificates.authority().toString());
        }

        private void start() throws IOException {
            Path setup = Files.writeString(directory.resolve("setup.sql"), setupSql());
            programs.run(LIMIT, "psql", "-X", "-f", setup.toString(), primary.conninfo()).orFail();
            primary.execute(
                    "CREATE ROLE standby LOGIN REPLICATION PASSWORD 'right'",
                    "CREATE ROLE plain LOGIN PASSWORD 'right'",
                    "CREATE ROLE barred NOLOGIN REPLICATION PASSWORD 'right'",
                    "CREATE ROLE late LOGIN REPLICATION PASSWORD 'right' VALID UNTIL '-infinity'",
                    "CREATE ROLE changing LOGIN REPLICATION PASSWORD 'right'",
                    "CREATE ROLE superfluous SUPERUSER LOGIN REPLICATION PASSWORD 'right'",
                    "SET password_encryption = 'md5'",
                    "CREATE ROLE hashed LOGIN REPLICATION PASSWORD 'right'");
            relay.start();
            Await.until("the relay to serve", LIMIT, () -> libpq(relay.port(), "trusted", "", PLAIN).status() == 0);
        }

        String verified() {
            return "sslmode=verify-full sslrootcert=" + certificates.authority();
        }

        Programs.Result libpq(int port, String user, String password, String more) {
            return new Psql(programs)
                    .replication("host=127.0.0.1 port=%d user=%s password='%s' dbname=x %s".formatted(port, user, password, more), "IDENTIFY_SYSTEM");
        }

        @Override
        public void close() throws IOException {
            while (!parts.isEmpty()) {
                parts.pop().close();
            }
        }

        @Override
        public String toString() {
            return "PostgreSQL %d".formatted(primary.binaries().major());
        }
    }

    private static String setupSql() {
        return WalrelayCommand.run(LIMIT, Map.of(), "setup-sql", "--auth-query").orFail();
    }

    private Programs.Result libpq(String user, String password, String more) {
        return libpq(scene.relay.port(), user, password, more);
    }

    private Programs.Result libpq(int port, String user, String password, String more) {
        return scene.libpq(port, user, password, more);
    }

    private Executable admits(String user, String password, String more) {
        return () -> {
            Programs.Result result = libpq(user, password, more);
            assertTrue(result.orFail().contains("|1|"), result::output);
        };
    }

    private Executable refuses(String user, String password, String more, String because) {
        return () -> {
            Programs.Result result = libpq(user, password, more);
            assertEquals(2, result.status(), result::output);
            assertTrue(result.output().contains(because), () -> "%s %s: %s; expected %s".formatted(user, more, result.output(), because));
        };
    }

    @Test
    void libpqLogsInByPassword() {
        String bound = scene.verified() + " channel_binding=require";
        List<String> transports = new ArrayList<>(List.of(PLAIN, scene.verified(), bound));
        if (scene.primary.binaries().major() >= 18) {
            transports.add(bound + " sslnegotiation=direct");
            transports.add(PLAIN + " min_protocol_version=3.2 max_protocol_version=latest");
        }
        for (String transport : transports) {
            assertAll(
                    admits("standby", "right", transport),
                    refuses("standby", "wrong", transport, "FATAL:  password authentication failed for user \"standby\""),
                    refuses("stranger", "right", transport, "FATAL:  password authentication failed for user \"stranger\""),
                    refuses("late", "right", transport, "FATAL:  password authentication failed for user \"late\""),
                    refuses("superfluous", "right", transport, "FATAL:  password authentication failed for user \"superfluous\""),
                    refuses("plain", "wrong", transport, "FATAL:  password authentication failed for user \"plain\""),
                    refuses("plain", "right", transport, NOT_A_REPLICATION_ROLE),
                    refuses("barred", "right", transport, "FATAL:  role \"barred\" is not permitted to log in"));
        }
        assertAll(
                admits("hashed", "right", PLAIN),
                admits("hashed", "right", scene.verified()),
                refuses("hashed", "wrong", PLAIN, "FATAL:  password authentication failed for user \"hashed\""),
                refuses("hashed", "right", bound, "channel binding required but not supported by server's authentication request"),
                refuses("trusted", "", bound, "channel binding required, but server authenticated client without channel binding"));
    }

    @Test
    void libpqIsToldWhichRuleIsMissing() {
        assertAll(
                refuses("rejected", "", PLAIN, "FATAL:  pg_hba.conf rejects replication connection for host \"127.0.0.1\", user \"rejected\", no encryption"),
                refuses("rejected", "", scene.verified(), "FATAL:  pg_hba.conf rejects replication connection for host \"127.0.0.1\", user \"rejected\", SSL encryption"),
                refuses("unruly", "", PLAIN, "FATAL:  no pg_hba.conf entry for replication connection from host \"127.0.0.1\", user \"unruly\", no encryption"),
                // The word replication fits physical sessions only.
                () -> {
                    Programs.Result sql = scene.programs.run(LIMIT, "psql", "-X", "-w", "-c", "SELECT 1", "host=127.0.0.1 port=%d user=trusted dbname=x sslmode=disable".formatted(scene.relay.port()));
                    assertTrue(sql.output().contains("FATAL:  no pg_hba.conf entry for host \"127.0.0.1\", user \"trusted\", database \"x\", no encryption"), sql::output);
                });
    }

    @Test
    void libpqLogsInByCertificate() {
        assertAll(
                admits("certified", "", scene.verified() + shows(scene.client)),
                refuses("certified", "", scene.verified() + shows(scene.other), "FATAL:  certificate authentication failed for user \"certified\""),
                refuses("certified", "", scene.verified(), "FATAL:  connection requires a valid client certificate"),
                refuses("certified", "", PLAIN, "FATAL:  no pg_hba.conf entry"));
    }

    private static String shows(Certificates.Pair pair) {
        return " sslcert=%s sslkey=%s".formatted(pair.certificate(), pair.key());
    }

    @Test
    void pgjdbcLogsIn() throws Exception {
        for (String sslmode : List.of("disable", "verify-full")) {
            for (String negotiation : sslmode.equals("disable") ? List.of("postgres") : List.of("postgres", "direct")) {
                for (String user : List.of("standby", "hashed", "trusted")) {
                    try (Connection connection = pgjdbc(user, "right", sslmode, negotiation, "prefer");
                            Statement statement = connection.createStatement();
                            ResultSet row = statement.executeQuery("IDENTIFY_SYSTEM")) {
                        assertTrue(row.next());
                        assertEquals(1, row.getInt("timeline"), user);
                    }
                }
                assertEquals("28P01", refusal("standby", "wrong", sslmode, negotiation).getSQLState());
                assertEquals("28P01", refusal("stranger", "right", sslmode, negotiation).getSQLState());
                assertEquals("28P01", refusal("hashed", "wrong", sslmode, negotiation).getSQLState());
                assertEquals("28000", refusal("rejected", "", sslmode, negotiation).getSQLState());
                assertEquals("28000", refusal("unruly", "", sslmode, negotiation).getSQLState());
                assertEquals("28000", refusal("barred", "right", sslmode, negotiation).getSQLState());
                assertEquals("42501", refusal("plain", "right", sslmode, negotiation).getSQLState());
            }
        }
        pgjdbc("standby", "right", "verify-full", "direct", "require").close();
    }

    private SQLException refusal(String user, String password, String sslmode, String negotiation) {
        return assertThrows(SQLException.class, () -> pgjdbc(user, password, sslmode, negotiation, "prefer").close(), user);
    }

    private Connection pgjdbc(String user, String password, String sslmode, String negotiation, String binding) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", user);
        properties.setProperty("password", password);
        properties.setProperty("replication", "true");
        properties.setProperty("assumeMinServerVersion", "9.4");
        properties.setProperty("preferQueryMode", "simple");
        properties.setProperty("gssEncMode", "disable");
        properties.setProperty("sslmode", sslmode);
        properties.setProperty("sslNegotiation", negotiation);
        properties.setProperty("channelBinding", binding);
        properties.setProperty("sslrootcert", scene.certificates.authority().toString());
        return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:%d/x".formatted(scene.relay.port()), properties);
    }

    /** Whether a name exists must not show: a stranger walks through all of SCRAM, message for message. */
    @Test
    void aStrangerGetsAsManyMessagesAsAWrongPassword() {
        List<String> wrong = messages("standby");
        assertEquals(List.of("R10", "R11", "E"), wrong);
        assertEquals(wrong, messages("stranger"));
        assertEquals(wrong, messages("late"));
    }

    private List<String> messages(String user) {
        try (FaultProxy proxy = FaultProxy.to(scene.relay.port())) {
            proxy.record(FaultProxy.Direction.TO_CLIENT);
            assertEquals(2, libpq(proxy.port(), user, "wrong", PLAIN).status());
            ByteBuffer bytes = ByteBuffer.wrap(proxy.recorded(FaultProxy.Direction.TO_CLIENT));
            List<String> types = new ArrayList<>();
            while (bytes.hasRemaining()) {
                char type = (char) bytes.get();
                int length = bytes.getInt();
                types.add(type == 'R' ? "R" + bytes.getInt(bytes.position()) : String.valueOf(type));
                bytes.position(bytes.position() + length - 4);
            }
            return types;
        }
    }

    @Test
    void aChangedPasswordIsSeenWithinTenSeconds() {
        assertAll(admits("changing", "right", PLAIN));
        scene.primary.execute("ALTER ROLE changing PASSWORD 'changed'");
        Await.until("the changed password to be seen", Duration.ofSeconds(12), () -> libpq("changing", "changed", PLAIN).status() == 0);
        assertAll(refuses("changing", "right", PLAIN, "password authentication failed for user \"changing\""));
    }

    /** Upstream goes, and the relay is started again without it: who had logged in before still can, by what is on disk. */
    @Test
    void standbysLogInWhileUpstreamIsGone() {
        try (FaultProxy upstream = FaultProxy.to(scene.primary.port());
                RelayProcess second = RelayProcess.of(
                                "host=127.0.0.1 port=%d user=walrelay dbname=postgres".formatted(upstream.port()), "second", scene.directory.resolve("second"))
                        .with("WALRELAY_LISTEN_HBA", RULES_WITHOUT_TLS)
                        .start()) {
            Await.until("the standby to log in", LIMIT, () -> libpq(second.port(), "standby", "right", PLAIN).status() == 0);
            upstream.refuse(true);
            upstream.cut(FaultProxy.Cut.RST);
            second.kill();
            second.start();
            assertTrue(libpq(second.port(), "standby", "right", PLAIN).orFail().contains("|1|"));
            assertTrue(libpq(second.port(), "standby", "wrong", PLAIN).output().contains("FATAL:  could not look up user \"standby\""));
            assertTrue(libpq(second.port(), "hashed", "right", PLAIN).output().contains("FATAL:  could not look up user \"hashed\""));
        }
    }

    /** A name that the database's encoding has no letters for: an error of the query, not of the connection. */
    @Test
    void aNameThatUpstreamCanNotBeAskedForKeepsNobodyElseOut() throws Exception {
        scene.primary.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'");
        String latin = "host=127.0.0.1 port=%d user=%s dbname=latin";
        Path setup = Files.writeString(scene.directory.resolve("latin.sql"), setupSql().replace("CREATE ROLE", "-- CREATE ROLE"));
        scene.programs.run(LIMIT, "psql", "-X", "-f", setup.toString(), latin.formatted(scene.primary.port(), "postgres"));
        try (RelayProcess fourth = RelayProcess.of(latin.formatted(scene.primary.port(), "walrelay"), "fourth", scene.directory.resolve("fourth"))
                .with("WALRELAY_LISTEN_HBA", "host replication trusted 127.0.0.1/32 trust;host replication all 127.0.0.1/32 scram-sha-256")
                .start()) {
            Await.until("the relay to serve", LIMIT, () -> libpq(fourth.port(), "trusted", "", PLAIN).status() == 0);
            assertTrue(libpq(fourth.port(), "\uD83D\uDC18", "right", PLAIN).output().contains("FATAL:  could not look up user \"\uD83D\uDC18\""));
            Programs.Result other = libpq(fourth.port(), "standby", "right", PLAIN);
            assertEquals(0, other.status(), other::output);
            assertTrue(fourth.log().contains("upstream can't answer for this user"), fourth::log);
        }
    }

    /** mock_authentication_nonce is in pg_control for the same reason. */
    @Test
    void aRestartDoesNotTellWhoExists() throws Exception {
        Path users = Files.writeString(scene.directory.resolve("nobody.txt"), "");
        try (RelayProcess fifth = RelayProcess.of(scene.primary.conninfo(), "fifth", scene.directory.resolve("fifth"))
                .with("WALRELAY_LISTEN_HBA", RULES_WITHOUT_TLS)
                .with("WALRELAY_LISTEN_USERS_FILE", users.toString())
                .start()) {
            String salt = salt(fifth.port(), "stranger");
            fifth.kill();
            fifth.start();
            assertEquals(salt, salt(fifth.port(), "stranger"));
            assertEquals(
                    "rw-------",
                    PosixFilePermissions.toString(Files.getPosixFilePermissions(scene.directory.resolve("fifth").resolve("mock-nonce"))));
        }
    }

    /** What server-first-message says of a user's salt. */
    private String salt(int port, String user) {
        try (FaultProxy proxy = FaultProxy.to(port)) {
            proxy.record(FaultProxy.Direction.TO_CLIENT);
            libpq(proxy.port(), user, "wrong", PLAIN);
            String said = new String(proxy.recorded(FaultProxy.Direction.TO_CLIENT), StandardCharsets.ISO_8859_1);
            Matcher matcher = Pattern.compile(",s=([^,]+),i=").matcher(said);
            assertTrue(matcher.find(), said);
            return matcher.group(1);
        }
    }

    @Test
    void usersMayComeFromAFile() throws Exception {
        Path users = scene.directory.resolve("users.txt");
        String verifier = scene.primary.query("SELECT rolpassword FROM pg_authid WHERE rolname = 'plain'");
        String md5 = scene.primary.query("SELECT rolpassword FROM pg_authid WHERE rolname = 'hashed'");
        Files.writeString(users, "\"plain\" \"%s\"\n\"hashed\" \"%s\"\n\"barred\" \"%s\" noreplication\n".formatted(verifier, md5, verifier));
        try (RelayProcess third = RelayProcess.of(scene.primary.conninfo(), "third", scene.directory.resolve("third"))
                .with("WALRELAY_LISTEN_HBA", RULES_WITHOUT_TLS)
                .with("WALRELAY_LISTEN_USERS_FILE", users.toString())
                .start()) {
            Await.until("the user of the file to log in", LIMIT, () -> libpq(third.port(), "plain", "right", PLAIN).status() == 0);
            assertEquals(0, libpq(third.port(), "hashed", "right", PLAIN).status());
            assertTrue(libpq(third.port(), "barred", "right", PLAIN).output().contains(NOT_A_REPLICATION_ROLE));
            assertTrue(libpq(third.port(), "standby", "right", PLAIN).output().contains("password authentication failed for user \"standby\""));
        }
    }

    @Test
    void failedLoginsAreInTheLog() {
        libpq("stranger", "wrong", PLAIN);
        String line = "FATAL: password authentication failed for user \"stranger\" (28P01)";
        Await.until("the relay to log the refusal", LIMIT, () -> scene.relay.log().contains(line));
    }
}
