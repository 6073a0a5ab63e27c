package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.codec.BackendDecoder;
import io.walrelay.protocol.codec.BackendLimits;
import io.walrelay.protocol.codec.FrontendDecoder;
import io.walrelay.protocol.codec.FrontendLimits;
import io.walrelay.protocol.handshake.PasswordVerifier;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.BackendMessage.NegotiateProtocolVersion;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.FrontendMessage.CancelRequest;
import io.walrelay.protocol.message.FrontendMessage.GssEncRequest;
import io.walrelay.protocol.message.FrontendMessage.SslRequest;
import io.walrelay.protocol.message.FrontendMessage.StartupMessage;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.SecretKey;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.FaultProxy.Direction;
import io.walrelay.proxy.testkit.KerberosCache;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What libpq and pgjdbc open a connection with besides TLS and a password: GSSENCRequest, protocol 3.2, CancelRequest. What went over the
 * line is looked at, so that each was really said. {@link AuthenticationIT} has TLS and the passwords.
 */
@Timeout(120)
final class HandshakesIT {

    private static final Programs PROGRAMS = Programs.version(15);
    private static final Psql PSQL = new Psql(PROGRAMS);

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private static final int CANCEL_REQUEST = 80877102;
    private static final CancelRequest NO_CANCEL = new CancelRequest(0, new SecretKey(Secret.of(new byte[4])));

    @TempDir
    private static Path directory;

    private static LocalPostgres primary;
    private static RelayProcess relay;
    private static Certificates certificates;

    @BeforeAll
    static void setUp() throws Exception {
        certificates = Certificates.in(directory);
        Certificates.Pair server = certificates.issue("server");
        String verifier = PasswordVerifier.Scram.of("right", new SecureRandom()).rolpassword();
        Path users = Files.writeString(directory.resolve("users.txt"), "\"standby\" \"%s\"\n".formatted(verifier));
        primary = LocalPostgres.of(PROGRAMS.server()).start();
        relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"))
                .with("WALRELAY_LISTEN_HBA", "host replication standby 127.0.0.1/32 scram-sha-256;host replication postgres 127.0.0.1/32 trust")
                .with("WALRELAY_LISTEN_USERS_FILE", users.toString())
                .with("WALRELAY_LISTEN_TLS_CERT", server.certificate().toString())
                .with("WALRELAY_LISTEN_TLS_KEY", server.key().toString())
                .start();
        relay.awaitReady(LIMIT);
    }

    @AfterAll
    static void tearDown() {
        relay.close();
        primary.close();
    }

    /** The relay declines, and on the same connection the driver goes on: with the startup packet, or with SSLRequest. */
    @ParameterizedTest
    @ValueSource(strings = {"disable", "verify-full"})
    void pgjdbcAsksForGssEncryptionAndGoesOnWithout(String sslmode) throws SQLException {
        try (FaultProxy line = recorded();
                Connection connection = pgjdbc(line, Map.of("gssEncMode", "prefer", "sslmode", sslmode))) {
            assertEquals("1", timeline(connection));
            assertOpening(line, sslmode.equals("disable") ? List.of(GssEncRequest.class, StartupMessage.class) : List.of(GssEncRequest.class, SslRequest.class));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"disable", "verify-full"})
    void libpqAsksForGssEncryptionAndGoesOnWithout(String sslmode) throws Exception {
        try (FaultProxy line = recorded();
                ExternalProcess psql = psql(line, "gssencmode=prefer sslmode=%s sslrootcert=%s".formatted(sslmode, certificates.authority()), "IDENTIFY_SYSTEM")) {
            assertEquals(0, psql.awaitExit(LIMIT), psql::output);
            assertTrue(psql.output().contains("|1|"), psql::output);
            assertOpening(line, sslmode.equals("disable") ? List.of(GssEncRequest.class, StartupMessage.class) : List.of(GssEncRequest.class, SslRequest.class));
        }
    }

    @Test
    void libpqThatDemandsGssEncryptionIsToldThatThereIsNone() throws Exception {
        try (FaultProxy line = recorded();
                ExternalProcess psql = psql(line, "gssencmode=require", "IDENTIFY_SYSTEM")) {
            assertEquals(2, psql.awaitExit(LIMIT), psql::output);
            assertTrue(psql.output().contains("server doesn't support GSSAPI encryption, but it was required"), psql::output);
            assertOpening(line, List.of(GssEncRequest.class));
        }
    }

    @ParameterizedTest
    @CsvSource({"3.0, 4", "3.2, 32"})
    void pgjdbcSpeaksTheVersionThatItAsksFor(String version, int keyLength) throws SQLException {
        try (FaultProxy line = recorded();
                Connection connection = pgjdbc(line, Map.of("protocolVersion", version))) {
            assertEquals("1", timeline(connection));
            StartupMessage startup = opening(line).stream().filter(StartupMessage.class::isInstance).map(StartupMessage.class::cast).findFirst().orElseThrow();
            assertEquals(version, startup.version().toString());
            List<BackendMessage> login = login(line);
            assertFalse(login.stream().anyMatch(NegotiateProtocolVersion.class::isInstance), "the relay has both");
            assertEquals(keyLength, key(login).secretKey().value().length());
        }
    }

    /**
     * A session that waits for a slot is cancelled. The relay has nothing to cancel: it closes the connection that said so without a word,
     * as PostgreSQL does, and the session goes on.
     */
    @ParameterizedTest
    @CsvSource({"3.0, 4", "3.2, 32"})
    void aCancelRequestOfPgjdbcDisturbsNobody(String version, int keyLength) throws Exception {
        String slot = "held" + keyLength;
        try (ExternalProcess holder = holder(slot);
                FaultProxy line = recorded();
                Connection connection = pgjdbc(line, Map.of("protocolVersion", version));
                Statement statement = connection.createStatement()) {
            BackendKeyData key = key(login(line));
            long before = line.carried(Direction.TO_CLIENT);
            CompletableFuture<Boolean> dropped = CompletableFuture.supplyAsync(() -> {
                try {
                    return statement.execute("DROP_REPLICATION_SLOT %s WAIT".formatted(slot));
                } catch (SQLException e) {
                    throw new IllegalStateException(e);
                }
            });
            awaitSaid(line, "DROP_REPLICATION_SLOT");
            // Until the driver has noted that a query runs, it does not cancel.
            CancelRequest request = Await.until("the driver to say that it cancels", LIMIT, () -> {
                statement.cancel();
                return lastCancel(line);
            }, said -> said.processId() != 0);
            assertEquals(new CancelRequest(key.processId(), key.secretKey()), request);
            Await.until("the relay to hang up on who cancels", LIMIT, () -> line.connectionCount() == 1);
            assertEquals(before, line.carried(Direction.TO_CLIENT), "the relay says nothing to it");
            assertFalse(dropped.isDone(), "the session waits on");
            holder.kill();
            dropped.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
            assertEquals("1", timeline(connection));
        }
    }

    @Test
    void aCancelRequestOfLibpqDisturbsNobody() throws Exception {
        try (ExternalProcess holder = holder("held");
                FaultProxy line = recorded();
                ExternalProcess psql = psql(line, "gssencmode=disable sslmode=disable", "DROP_REPLICATION_SLOT held WAIT")) {
            awaitSaid(line, "DROP_REPLICATION_SLOT");
            BackendKeyData key = key(login(line));
            psql.signal("INT");
            psql.awaitOutput("Cancel request sent", LIMIT);
            assertEquals(new CancelRequest(key.processId(), key.secretKey()), lastCancel(line));
            Await.until("the relay to hang up on who cancels", LIMIT, () -> line.connectionCount() == 1);
            holder.kill();
            // Its status is that it was interrupted, whatever became of the command.
            psql.awaitExit(LIMIT);
            assertTrue(psql.output().contains("DROP_REPLICATION_SLOT"), psql::output);
        }
    }

    /** Makes a slot and streams from it, until it is killed. */
    private static ExternalProcess holder(String slot) throws Exception {
        PSQL.replication(relay.conninfo(), "CREATE_REPLICATION_SLOT %s PHYSICAL RESERVE_WAL".formatted(slot)).orFail();
        Path files = Files.createDirectory(directory.resolve(slot));
        ExternalProcess holder = PROGRAMS.start("pg_receivewal", "--no-loop", "-D", files.toString(), "-S", slot, "-d", relay.conninfo(slot));
        RelayStatus.await("the slot to be in use", relay, LIMIT, status -> status.slots().stream().anyMatch(s -> s.name().equals(slot) && s.activePid().isPresent()));
        return holder;
    }

    private static FaultProxy recorded() {
        FaultProxy line = FaultProxy.to(relay.port());
        line.record(Direction.TO_SERVER);
        line.record(Direction.TO_CLIENT);
        return line;
    }

    private static Connection pgjdbc(FaultProxy line, Map<String, String> more) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", "standby");
        properties.setProperty("password", "right");
        properties.setProperty("replication", "true");
        properties.setProperty("assumeMinServerVersion", "9.4");
        properties.setProperty("preferQueryMode", "simple");
        properties.setProperty("gssEncMode", "disable");
        properties.setProperty("sslmode", "disable");
        properties.setProperty("sslrootcert", certificates.authority().toString());
        properties.putAll(more);
        return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:%d/x".formatted(line.port()), properties);
    }

    private static String timeline(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("IDENTIFY_SYSTEM")) {
            assertTrue(row.next());
            return row.getString("timeline");
        }
    }

    private static ExternalProcess psql(FaultProxy line, String more, String command) throws Exception {
        Map<String, String> environment = new HashMap<>(KerberosCache.environment(directory, "standby"));
        environment.put("PGPASSWORD", "right");
        return ExternalProcess.start(
                List.of(
                        // Who starts the tests in the background of a shell has them ignore SIGINT, which would be passed on.
                        "env",
                        "--default-signal=INT",
                        PROGRAMS.server().program("psql").toString(),
                        "-X",
                        "-A",
                        "-t",
                        "-c",
                        command,
                        "host=127.0.0.1 port=%d user=standby dbname=x replication=true %s".formatted(line.port(), more)),
                environment);
    }

    private static void assertOpening(FaultProxy line, List<Class<? extends FrontendMessage>> expected) {
        assertEquals(expected, opening(line).stream().map(FrontendMessage::getClass).toList());
    }

    /** What came before the startup packet, and that; or up to SSLRequest, after which nobody can read along. */
    private static List<FrontendMessage> opening(FaultProxy line) {
        ByteBuf in = Unpooled.wrappedBuffer(line.recorded(Direction.TO_SERVER));
        FrontendDecoder decoder = new FrontendDecoder(FrontendLimits.DEFAULT);
        List<FrontendMessage> messages = new ArrayList<>();
        FrontendMessage message;
        do {
            message = decoder.decode(in);
            if (message != null) {
                messages.add(message);
            }
            decoder.expect(FrontendDecoder.Phase.OPENING);
        } while (message != null && !(message instanceof StartupMessage) && !(message instanceof SslRequest));
        return messages;
    }

    /** What the relay said up to the first ReadyForQuery, in clear. */
    private static List<BackendMessage> login(FaultProxy line) {
        ByteBuf in = Unpooled.wrappedBuffer(line.recorded(Direction.TO_CLIENT));
        BackendDecoder decoder = new BackendDecoder(BackendLimits.DEFAULT);
        List<BackendMessage> messages = new ArrayList<>();
        for (BackendMessage message = decoder.decode(in); message != null; message = decoder.decode(in)) {
            messages.add(message);
            if (message instanceof BackendMessage.ReadyForQuery) {
                return messages;
            }
        }
        throw new AssertionError("no login in what was recorded: " + messages);
    }

    private static BackendKeyData key(List<BackendMessage> login) {
        return login.stream().filter(BackendKeyData.class::isInstance).map(BackendKeyData.class::cast).findFirst().orElseThrow();
    }

    private static void awaitSaid(FaultProxy line, String text) {
        Await.until(
                "the client to say " + text,
                LIMIT,
                () -> new String(line.recorded(Direction.TO_SERVER), StandardCharsets.ISO_8859_1).contains(text));
    }

    /** The CancelRequest that was carried last; of session 0 while there is none. */
    private static CancelRequest lastCancel(FaultProxy line) {
        ByteBuf recorded = Unpooled.wrappedBuffer(line.recorded(Direction.TO_SERVER));
        for (int at = recorded.writerIndex() - 8; at >= 0; at--) {
            if (recorded.getInt(at + 4) == CANCEL_REQUEST && at + recorded.getInt(at) == recorded.writerIndex()) {
                FrontendMessage message = new FrontendDecoder(FrontendLimits.DEFAULT).decode(recorded.slice(at, recorded.getInt(at)));
                if (message instanceof CancelRequest request) {
                    return request;
                }
            }
        }
        return NO_CANCEL;
    }
}
