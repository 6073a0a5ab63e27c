package io.walrelay.protocol.handshake;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.message.BackendMessage.AuthenticationCleartextPassword;
import io.walrelay.protocol.message.BackendMessage.AuthenticationMd5Password;
import io.walrelay.protocol.message.BackendMessage.AuthenticationOk;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSasl;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslContinue;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.NegotiateProtocolVersion;
import io.walrelay.protocol.message.BackendMessage.ParameterStatus;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage.AuthenticationResponse;
import io.walrelay.protocol.message.FrontendMessage.CancelRequest;
import io.walrelay.protocol.message.FrontendMessage.CopyData;
import io.walrelay.protocol.message.FrontendMessage.GssEncRequest;
import io.walrelay.protocol.message.FrontendMessage.Query;
import io.walrelay.protocol.message.FrontendMessage.SslRequest;
import io.walrelay.protocol.message.FrontendMessage.StartupMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.SecretKey;
import io.walrelay.protocol.message.TransactionStatus;
import java.io.Serial;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ServerHandshakeTest {

    private static final Transport.Tls TLS =
            new Transport.Tls(Optional.of(Conversation.CERTIFICATE_HASH), Optional.of("postgresql"));
    private static final SslRequest SSL_REQUEST = new SslRequest();
    private static final GssEncRequest GSSENC_REQUEST = new GssEncRequest();
    private static final ServerAction S = new ServerAction.SendByte((byte) 'S');
    private static final ServerAction N = new ServerAction.SendByte((byte) 'N');

    /** Gives the byte 2A and nothing else. */
    private static final class Constant extends SecureRandom {
        @Serial
        private static final long serialVersionUID = 1L;

        @Override
        public void nextBytes(byte[] bytes) {
            Arrays.fill(bytes, (byte) 0x2A);
        }
    }

    private static ServerHandshake server(boolean tls) {
        return ServerHandshake.overPlaintext(new ServerHandshake.Listener(tls, Conversation.MOCKS, new Constant()));
    }

    private static StartupMessage startup(ProtocolVersion version, String... parameters) {
        Map<String, String> map = new LinkedHashMap<>();
        for (int i = 0; i < parameters.length; i += 2) {
            map.put(parameters[i], parameters[i + 1]);
        }
        return new StartupMessage(version, map);
    }

    private static List<ServerAction> refused(Diagnostic diagnostic) {
        return List.of(new ServerAction.Send(new ErrorResponse(diagnostic)), new ServerAction.Close(diagnostic.message()));
    }

    private static StartupRequest admitted(StartupMessage message) {
        return assertInstanceOf(ServerAction.Admit.class, server(false).onMessage(message).getLast()).request();
    }

    private static ServerHandshake authenticating(AuthenticationDecision decision) {
        ServerHandshake server = server(false);
        server.onMessage(startup(ProtocolVersion.V3_0, "user", "a"));
        server.onDecision(decision);
        return server;
    }

    private static AuthenticationResponse response(String text) {
        return new AuthenticationResponse(Secret.utf8(text));
    }

    // Opening

    @Test
    void answersSslRequestWithSAndGoesOnInTls() {
        ServerHandshake server = server(true);
        assertEquals(List.of(S, new ServerAction.StartTls()), server.onMessage(SSL_REQUEST));
        assertEquals(List.of(), server.onTlsEstablished(TLS));
        ServerAction admit = server.onMessage(startup(ProtocolVersion.V3_0, "user", "a")).getFirst();
        assertEquals(TLS, assertInstanceOf(ServerAction.Admit.class, admit).transport());
    }

    @Test
    void declinesTlsWithoutACertificateAndGssInAnyOrder() {
        ServerHandshake sslFirst = server(false);
        assertEquals(List.of(N), sslFirst.onMessage(SSL_REQUEST));
        assertEquals(List.of(N), sslFirst.onMessage(GSSENC_REQUEST));
        ServerHandshake gssFirst = server(true);
        assertEquals(List.of(N), gssFirst.onMessage(GSSENC_REQUEST));
        assertEquals(List.of(S, new ServerAction.StartTls()), gssFirst.onMessage(SSL_REQUEST));
    }

    @Test
    void refusesARequestThatWasAnsweredBefore() {
        Diagnostic ssl =
                Diagnostic.fatal("0A000", "unsupported frontend protocol 1234.5679: server supports 3.0 to 3.2");
        Diagnostic gss =
                Diagnostic.fatal("0A000", "unsupported frontend protocol 1234.5680: server supports 3.0 to 3.2");
        ServerHandshake twiceSsl = server(false);
        twiceSsl.onMessage(SSL_REQUEST);
        assertEquals(refused(ssl), twiceSsl.onMessage(SSL_REQUEST));
        ServerHandshake twiceGss = server(false);
        twiceGss.onMessage(GSSENC_REQUEST);
        assertEquals(refused(gss), twiceGss.onMessage(GSSENC_REQUEST));
        ServerHandshake gssInTls = server(true);
        gssInTls.onMessage(SSL_REQUEST);
        gssInTls.onTlsEstablished(TLS);
        assertEquals(refused(gss), gssInTls.onMessage(GSSENC_REQUEST));
    }

    @Test
    void refusesDataThatCameInClearBeforeTls() {
        List<ServerAction> refusal = refused(Diagnostic.fatal("08P01", "received unencrypted data after SSL request")
                .withDetail("This could be either a client-software bug or evidence of an attempted man-in-the-middle attack."));
        ServerHandshake told = server(true);
        told.onMessage(SSL_REQUEST);
        assertEquals(refusal, told.onUnencryptedData());
        ServerHandshake decoded = server(true);
        decoded.onMessage(SSL_REQUEST);
        assertEquals(refusal, decoded.onMessage(startup(ProtocolVersion.V3_0, "user", "a")));
    }

    @Test
    void directTlsNeedsAlpnAndMakesSslRequestPointless() {
        ServerHandshake.Listener listener = new ServerHandshake.Listener(true, Conversation.MOCKS, new Constant());
        ServerHandshake server = ServerHandshake.overDirectTls(listener, TLS);
        assertEquals(List.of(), server.start());
        assertEquals(List.of(N), server.onMessage(SSL_REQUEST));
        for (Optional<String> alpn : List.of(Optional.<String>empty(), Optional.of("http/1.1"))) {
            assertEquals(
                    List.of(new ServerAction.Close(
                            "received direct SSL connection request without ALPN protocol negotiation extension")),
                    ServerHandshake.overDirectTls(listener, new Transport.Tls(TLS.serverEndPoint(), alpn)).start());
        }
    }

    @Test
    void cancelsWithoutAnAnswer() {
        CancelRequest cancel = new CancelRequest(4711, new SecretKey(Secret.of(new byte[32])));
        ServerHandshake server = server(false);
        assertEquals(
                List.of(new ServerAction.Cancel(cancel), new ServerAction.Close("cancel request processed")),
                server.onMessage(cancel));
        assertEquals(List.of(), server.onMessage(startup(ProtocolVersion.V3_0, "user", "a")));
    }

    // Startup packet

    @Test
    void readsAStandbysStartupPacket() {
        assertEquals(
                new StartupRequest(
                        "repl",
                        "",
                        SessionKind.PHYSICAL_REPLICATION,
                        ProtocolVersion.V3_0,
                        Optional.of("-c wal_sender_timeout=10s"),
                        Map.of("application_name", "s1")),
                admitted(startup(
                        ProtocolVersion.V3_0,
                        "user", "repl",
                        "database", "replication",
                        "replication", "true",
                        "options", "-c wal_sender_timeout=10s",
                        "application_name", "s1")));
    }

    @Test
    void takesTheUsersNameForADatabaseThatIsNotGiven() {
        assertEquals("a", admitted(startup(ProtocolVersion.V3_0, "user", "a")).database());
        assertEquals("a", admitted(startup(ProtocolVersion.V3_0, "user", "a", "database", "")).database());
        assertEquals(
                "a", admitted(startup(ProtocolVersion.V3_0, "user", "a", "replication", "database")).database());
    }

    @ParameterizedTest
    @CsvSource({
        "true,PHYSICAL_REPLICATION", "TRUE,PHYSICAL_REPLICATION", "t,PHYSICAL_REPLICATION", "yes,PHYSICAL_REPLICATION",
        "on,PHYSICAL_REPLICATION", "1,PHYSICAL_REPLICATION", "database,LOGICAL_REPLICATION", "false,ORDINARY",
        "f,ORDINARY", "no,ORDINARY", "of,ORDINARY", "off,ORDINARY", "0,ORDINARY"
    })
    void knowsTheKindOfSession(String replication, SessionKind kind) {
        assertEquals(kind, admitted(startup(ProtocolVersion.V3_0, "user", "a", "replication", replication)).kind());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "o", "2", "trueish", "DATABASE", "logical", " true"})
    void refusesAnotherKindOfSession(String replication) {
        assertEquals(
                refused(Diagnostic.fatal("22023", "invalid value for parameter \"replication\": \"%s\"".formatted(replication))
                        .withHint("Valid values are: \"false\", 0, \"true\", 1, \"database\".")),
                server(false).onMessage(startup(ProtocolVersion.V3_0, "user", "a", "replication", replication)));
    }

    @Test
    void refusesAStartupPacketWithoutAUser() {
        Diagnostic missing = Diagnostic.fatal("28000", "no PostgreSQL user name specified in startup packet");
        assertEquals(refused(missing), server(false).onMessage(startup(ProtocolVersion.V3_0, "database", "x")));
        assertEquals(refused(missing), server(false).onMessage(startup(ProtocolVersion.V3_0, "user", "")));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 4, 99})
    void refusesAnotherMajorVersion(int major) {
        assertEquals(
                refused(Diagnostic.fatal(
                        "0A000", "unsupported frontend protocol %d.0: server supports 3.0 to 3.2".formatted(major))),
                server(false).onMessage(startup(new ProtocolVersion(major, 0), "user", "a")));
    }

    @ParameterizedTest
    @CsvSource({"0,4", "1,4", "2,32"})
    void speaksMinorVersionsUpTo2WithoutNegotiation(int minor, int keyLength) {
        List<ServerAction> actions = server(false).onMessage(startup(new ProtocolVersion(3, minor), "user", "a"));
        assertEquals(1, actions.size());
        StartupRequest request = assertInstanceOf(ServerAction.Admit.class, actions.getFirst()).request();
        assertEquals(new ProtocolVersion(3, minor), request.version());
        assertEquals(keyLength, request.cancelKeyLength());
    }

    @Test
    void negotiatesDownFromGrease() {
        List<ServerAction> actions = server(false)
                .onMessage(startup(new ProtocolVersion(3, 9999), "user", "a", "_pq_.test_protocol_negotiation", ""));
        assertEquals(
                new ServerAction.Send(
                        new NegotiateProtocolVersion(ProtocolVersion.V3_2, List.of("_pq_.test_protocol_negotiation"))),
                actions.get(0));
        StartupRequest request = assertInstanceOf(ServerAction.Admit.class, actions.get(1)).request();
        assertEquals(ProtocolVersion.V3_2, request.version());
        assertEquals(Map.of(), request.parameters());
    }

    @Test
    void namesProtocolOptionsThatItDoesNotKnow() {
        assertEquals(
                new ServerAction.Send(new NegotiateProtocolVersion(ProtocolVersion.V3_0, List.of("_pq_.b", "_pq_.a"))),
                server(false)
                        .onMessage(startup(ProtocolVersion.V3_0, "_pq_.b", "1", "user", "a", "_pq_.a", "2"))
                        .getFirst());
    }

    @Test
    void cutsNamesAt63BytesButNotInsideACharacter() {
        String name = "x".repeat(62) + "\u00e9y";
        StartupRequest request = admitted(startup(ProtocolVersion.V3_0, "user", name, "database", "y".repeat(70)));
        assertEquals("x".repeat(62), request.user());
        assertEquals("y".repeat(63), request.database());
    }

    // Transcripts

    @Test
    void trustIsOkAndThenTheSessionsData() {
        ServerHandshake server = server(false);
        StartupRequest request = assertInstanceOf(
                        ServerAction.Admit.class,
                        server.onMessage(startup(ProtocolVersion.V3_0, "user", "a")).getFirst())
                .request();
        assertEquals(
                List.of(
                        new ServerAction.Send(new AuthenticationOk()),
                        new ServerAction.Authenticated(request, Optional.empty())),
                server.onDecision(new AuthenticationDecision.Trust()));
        Map<String, String> parameters = new LinkedHashMap<>();
        parameters.put("server_version", "18.1");
        parameters.put("integer_datetimes", "on");
        assertEquals(
                List.of(
                        new ServerAction.Send(new ParameterStatus("server_version", "18.1")),
                        new ServerAction.Send(new ParameterStatus("integer_datetimes", "on")),
                        new ServerAction.Send(Conversation.KEY),
                        new ServerAction.Send(new ReadyForQuery(TransactionStatus.IDLE)),
                        new ServerAction.Finish(request)),
                server.onSessionReady(parameters, Conversation.KEY));
        assertThrows(IllegalStateException.class, () -> server.onMessage(new Query("IDENTIFY_SYSTEM")));
    }

    @Test
    void asksForACleartextPassword() {
        ServerHandshake server = server(false);
        server.onMessage(startup(ProtocolVersion.V3_0, "user", "a"));
        Optional<PasswordVerifier> verifier = Optional.of(PasswordVerifier.parse(PasswordVerifierTest.POSTGRES_SECRET));
        assertEquals(
                List.of(new ServerAction.Send(new AuthenticationCleartextPassword())),
                server.onDecision(new AuthenticationDecision.CleartextPassword(verifier)));
        assertEquals(new ServerAction.Send(new AuthenticationOk()), server.onMessage(response("secret\0")).getFirst());
    }

    @Test
    void asksForAnMd5Password() {
        ServerHandshake server = server(false);
        server.onMessage(startup(ProtocolVersion.V3_0, "user", "c"));
        Optional<PasswordVerifier> verifier = Optional.of(PasswordVerifier.parse(PasswordVerifierTest.POSTGRES_MD5));
        assertEquals(
                List.of(new ServerAction.Send(
                        new AuthenticationMd5Password(Secret.of(new byte[] {0x2A, 0x2A, 0x2A, 0x2A})))),
                server.onDecision(new AuthenticationDecision.Md5(verifier)));
        // md5("2265f33095301398e9101e21cd74f87c" "****")
        assertEquals(
                new ServerAction.Send(new AuthenticationOk()),
                server.onMessage(response("md5a6f392588a3e5a92523bfd22fc437a0c\0")).getFirst());
    }

    @Test
    void asksForScram() {
        ServerHandshake server = server(true);
        server.onMessage(SSL_REQUEST);
        server.onTlsEstablished(TLS);
        server.onMessage(startup(ProtocolVersion.V3_0, "user", "a"));
        Optional<PasswordVerifier> verifier = Optional.of(PasswordVerifier.parse(PasswordVerifierTest.POSTGRES_SECRET));
        assertEquals(
                List.of(new ServerAction.Send(new AuthenticationSasl(List.of("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")))),
                server.onDecision(new AuthenticationDecision.ScramSha256(verifier)));
        assertEquals(
                List.of(new ServerAction.Send(new AuthenticationSaslContinue(Secret.utf8(
                        "r=abcKioqKioqKioqKioqKioqKioq,s=vNTVuGGjZU6qMzAFoq6HpA==,i=4096")))),
                server.onMessage(response("SCRAM-SHA-256\0" + "\0\0\0\u000b" + "n,,n=,r=abc")));
    }

    @Test
    void asksAgainWhenTheInitialResponseIsMissing() {
        ServerHandshake server = authenticating(new AuthenticationDecision.ScramSha256(Optional.empty()));
        byte[] body = Arrays.copyOf("SCRAM-SHA-256\0".getBytes(StandardCharsets.US_ASCII), 18);
        Arrays.fill(body, 14, 18, (byte) 0xFF);
        assertEquals(
                List.of(new ServerAction.Send(new AuthenticationSaslContinue(Secret.of(new byte[0])))),
                server.onMessage(new AuthenticationResponse(Secret.of(body))));
        assertInstanceOf(
                AuthenticationSaslContinue.class,
                assertInstanceOf(ServerAction.Send.class, server.onMessage(response("n,,n=,r=abc")).getFirst())
                        .message());
    }

    // Wrong messages

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "secret|08P01|invalid password packet size",
                "sec#ret#|08P01|invalid password packet size",
                "#|28P01|empty password returned by client"
            })
    void refusesABadPasswordMessage(String body, String sqlState, String text) {
        ServerHandshake server = authenticating(new AuthenticationDecision.CleartextPassword(Optional.empty()));
        assertEquals(refused(Diagnostic.fatal(sqlState, text)), server.onMessage(response(body.replace('#', '\0'))));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "SCRAM-SHA-256|invalid string in message",
                "SCRAM-SHA-256#|insufficient data left in message",
                "SCRAM-SHA-256####|insufficient data left in message",
                "SCRAM-SHA-256####9n,,|insufficient data left in message",
                "SCRAM-SHA-256#####n,,|invalid message format",
                "SCRAM-SHA-256-PLUS#####|client selected an invalid SASL authentication mechanism",
            })
    void refusesABadSaslInitialResponse(String body, String text) {
        ServerHandshake server = authenticating(new AuthenticationDecision.ScramSha256(Optional.empty()));
        assertEquals(refused(Diagnostic.fatal("08P01", text)), server.onMessage(response(body.replace('#', '\0'))));
    }

    /** Where a verifier may be out of date, or could not be looked for, a password is not wrong for not fitting it. */
    @Test
    void saysWhatItsDriverWantsToSomebodyWhoProvedNothing() {
        Diagnostic unsure = Diagnostic.fatal("57P03", "could not look up user \"a\"");
        for (Optional<PasswordVerifier> verifier : List.<Optional<PasswordVerifier>>of(Optional.empty(), Optional.of(Conversation.MOCKS.forUser("a")))) {
            ServerHandshake server = server(false);
            server.onMessage(startup(ProtocolVersion.V3_0, "user", "a"));
            server.onDecision(new AuthenticationDecision.CleartextPassword(verifier), Optional.of(unsure));
            assertEquals(refused(unsure), server.onMessage(response("other\0")));
        }
        ServerHandshake sure = authenticating(new AuthenticationDecision.CleartextPassword(Optional.empty()));
        assertEquals(
                refused(Diagnostic.fatal("28P01", "password authentication failed for user \"a\"")), sure.onMessage(response("other\0")));
    }

    @Test
    void refusesAnotherMessageWhereAPasswordShouldBe() {
        assertEquals(
                refused(Diagnostic.fatal("08P01", "expected password response, got message type 81")),
                authenticating(new AuthenticationDecision.CleartextPassword(Optional.empty())).onMessage(new Query("x")));
        assertEquals(
                refused(Diagnostic.fatal("08P01", "expected SASL response, got message type 81")),
                authenticating(new AuthenticationDecision.ScramSha256(Optional.empty())).onMessage(new Query("x")));
    }

    @Test
    void refusesWhateverComesBeforeItsTimeAndReleasesIt() {
        ByteBuf data = Unpooled.buffer();
        assertEquals(
                refused(Diagnostic.fatal("08P01", "expected a startup packet, got message type 100")),
                server(false).onMessage(new CopyData(data)));
        assertEquals(0, data.refCnt());

        ServerHandshake waiting = server(false);
        waiting.onMessage(startup(ProtocolVersion.V3_0, "user", "a"));
        assertEquals(
                refused(Diagnostic.fatal("08P01", "unexpected message type 112 before the session began")),
                waiting.onMessage(response("secret\0")));
        assertEquals(List.of(), waiting.onDecision(new AuthenticationDecision.Trust()));

        ByteBuf late = Unpooled.buffer();
        assertEquals(List.of(), waiting.onMessage(new CopyData(late)));
        assertEquals(0, late.refCnt());
    }

    @Test
    void aSessionThatCannotBeginIsRefusedAfterAuthenticationOk() {
        ServerHandshake server = authenticating(new AuthenticationDecision.Trust());
        Diagnostic starting = Diagnostic.fatal("57P03", "the database system is starting up");
        assertEquals(refused(starting), server.onRefusal(starting));
        assertEquals(List.of(), server.onSessionReady(Map.of(), Conversation.KEY));
    }

    @Test
    void anOldClientIsNotGivenALongKey() {
        ServerHandshake server = authenticating(new AuthenticationDecision.Trust());
        BackendKeyData key = new BackendKeyData(1, new SecretKey(Secret.of(new byte[32])));
        assertThrows(IllegalArgumentException.class, () -> server.onSessionReady(Map.of(), key));
    }
}
