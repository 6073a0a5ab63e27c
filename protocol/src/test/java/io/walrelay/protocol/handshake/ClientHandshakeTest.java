package io.walrelay.protocol.handshake;

import static io.walrelay.protocol.handshake.Conversation.login;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.AuthenticationCleartextPassword;
import io.walrelay.protocol.message.BackendMessage.AuthenticationMd5Password;
import io.walrelay.protocol.message.BackendMessage.AuthenticationOk;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSasl;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslContinue;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslFinal;
import io.walrelay.protocol.message.BackendMessage.AuthenticationUnsupported;
import io.walrelay.protocol.message.BackendMessage.CopyData;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.NegotiateProtocolVersion;
import io.walrelay.protocol.message.BackendMessage.NoticeResponse;
import io.walrelay.protocol.message.BackendMessage.ParameterStatus;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage.AuthenticationResponse;
import io.walrelay.protocol.message.FrontendMessage.CancelRequest;
import io.walrelay.protocol.message.FrontendMessage.SslRequest;
import io.walrelay.protocol.message.FrontendMessage.StartupMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.TransactionStatus;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ClientHandshakeTest {

    private static final Transport.Tls TLS =
            new Transport.Tls(Optional.of(Conversation.CERTIFICATE_HASH), Optional.of("postgresql"));
    private static final Diagnostic NO_LINE =
            Diagnostic.fatal("28000", "no pg_hba.conf entry for host \"10.0.0.1\", user \"a\", no encryption");

    private static ClientHandshake client(ClientSecurity security) {
        return new ClientHandshake(login("a", "secret"), security, security.sslMode().first());
    }

    private static ClientSecurity mode(SslMode mode) {
        return ClientSecurity.DEFAULT.withSslMode(mode);
    }

    private static ClientHandshake started(ClientSecurity security) {
        ClientHandshake client = client(security.withSslMode(SslMode.DISABLE));
        client.start();
        return client;
    }

    private static ClientHandshake startedInTls(ClientSecurity security) {
        ClientHandshake client = client(security.withSslMode(SslMode.REQUIRE));
        client.start();
        client.onSslAnswer((byte) 'S', false);
        client.onTlsEstablished(TLS);
        return client;
    }

    private static ClientFailure failure(List<ClientAction> actions) {
        return assertInstanceOf(ClientAction.Fail.class, actions.getFirst()).failure();
    }

    private static StartupMessage startup(List<ClientAction> actions) {
        return assertInstanceOf(
                StartupMessage.class,
                assertInstanceOf(ClientAction.Send.class, actions.getFirst()).message());
    }

    // Opening

    @Test
    void asksForPhysicalReplicationAsAWalReceiverDoes() {
        Map<String, String> expected = new LinkedHashMap<>();
        expected.put("user", "a");
        expected.put("database", "replication");
        expected.put("replication", "true");
        expected.put("application_name", "relay");
        assertEquals(
                new StartupMessage(ProtocolVersion.V3_0, expected),
                startup(client(mode(SslMode.DISABLE)).start()));
    }

    @ParameterizedTest
    @EnumSource(SslMode.class)
    void triesFirstWhatSslmodeSays(SslMode mode) {
        List<ClientAction> actions = client(mode(mode)).start();
        switch (mode) {
            case DISABLE, ALLOW -> startup(actions);
            case PREFER, REQUIRE, VERIFY_CA, VERIFY_FULL ->
                assertEquals(List.of(new ClientAction.Send(new SslRequest())), actions);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = SslMode.class,
            names = {"PREFER", "REQUIRE", "VERIFY_CA", "VERIFY_FULL"})
    void goesOnWithoutTlsAfterNOnlyWithPrefer(SslMode mode) {
        ClientHandshake client = client(mode(mode));
        client.start();
        assertTrue(client.awaitsSslAnswer());
        List<ClientAction> actions = client.onSslAnswer((byte) 'N', false);
        if (mode == SslMode.PREFER) {
            startup(actions);
            // The one other way is used up.
            assertEquals(new ClientFailure.LoginRefused(NO_LINE), failure(client.onMessage(new ErrorResponse(NO_LINE))));
        } else {
            assertEquals(
                    new ClientFailure.Untrusted("server does not support SSL, but SSL was required"), failure(actions));
        }
    }

    @ParameterizedTest
    @CsvSource({"ALLOW,true", "PREFER,false"})
    void triesTheOtherWayOnceWhenTheServerRefuses(SslMode mode, boolean thenTls) {
        ClientHandshake client = client(mode(mode));
        client.start();
        if (mode == SslMode.PREFER) {
            client.onSslAnswer((byte) 'S', false);
            client.onTlsEstablished(TLS);
        }
        ClientFailure.Retry retry = assertInstanceOf(
                ClientFailure.Retry.class, failure(client.onMessage(new ErrorResponse(NO_LINE))));
        assertEquals(new SslMode.Attempt(thenTls, true), retry.next());
        assertEquals(NO_LINE.toString(), retry.reason());

        ClientHandshake second = new ClientHandshake(login("a", "secret"), mode(mode), retry.next());
        second.start();
        if (thenTls) {
            second.onSslAnswer((byte) 'S', false);
            second.onTlsEstablished(TLS);
        }
        assertEquals(new ClientFailure.LoginRefused(NO_LINE), failure(second.onMessage(new ErrorResponse(NO_LINE))));
    }

    @Test
    void neverTriesWithoutTlsWhereTlsIsRequired() {
        for (SslMode mode : List.of(SslMode.REQUIRE, SslMode.VERIFY_CA, SslMode.VERIFY_FULL)) {
            ClientHandshake failed = client(mode(mode));
            failed.start();
            failed.onSslAnswer((byte) 'S', false);
            assertEquals(new ClientFailure.Untrusted("bad certificate"), failure(failed.onTlsFailed("bad certificate")));
            ClientHandshake refused = client(mode(mode));
            refused.start();
            refused.onSslAnswer((byte) 'S', false);
            refused.onTlsEstablished(TLS);
            assertEquals(new ClientFailure.LoginRefused(NO_LINE), failure(refused.onMessage(new ErrorResponse(NO_LINE))));
        }
    }

    @Test
    void goesOnWithoutTlsWithPreferWhenTlsFails() {
        ClientHandshake client = client(mode(SslMode.PREFER));
        client.start();
        client.onSslAnswer((byte) 'S', false);
        assertEquals(
                new ClientFailure.Retry(new SslMode.Attempt(false, true), "no shared cipher"),
                failure(client.onTlsFailed("no shared cipher")));
    }

    @Test
    void refusesDataInClearAfterTheAnswerToSslRequest() {
        ClientHandshake client = client(mode(SslMode.PREFER));
        client.start();
        assertEquals(
                new ClientFailure.Untrusted("received unencrypted data after SSL response"),
                failure(client.onSslAnswer((byte) 'S', true)));
        ClientHandshake declined = client(mode(SslMode.PREFER));
        declined.start();
        assertEquals(
                new ClientFailure.Violation("received data after the server declined SSL"),
                failure(declined.onSslAnswer((byte) 'N', true)));
    }

    @Test
    void doesNotBelieveAnErrorBeforeTls() {
        ClientHandshake client = client(mode(SslMode.PREFER));
        client.start();
        assertEquals(
                new ClientFailure.Violation("server sent an error response during SSL exchange"),
                failure(client.onSslAnswer((byte) 'E', true)));
        ClientHandshake web = client(mode(SslMode.PREFER));
        web.start();
        assertEquals(
                new ClientFailure.Violation("received invalid response to SSL negotiation: 0x48; expected S or N"),
                failure(web.onSslAnswer((byte) 'H', true)));
    }

    @Test
    void directTlsNeedsAStrongSslmodeAndAlpn() {
        assertEquals(
                "weak sslmode \"prefer\" may not be used with sslnegotiation=direct (use \"require\", \"verify-ca\", or \"verify-full\")",
                assertThrows(IllegalArgumentException.class, () -> ClientSecurity.DEFAULT.withDirectTls(true))
                        .getMessage());
        ClientHandshake client = client(mode(SslMode.REQUIRE).withDirectTls(true));
        assertEquals(List.of(new ClientAction.StartTls()), client.start());
        assertEquals(
                new ClientFailure.Untrusted(
                        "direct SSL connection was established without ALPN protocol negotiation extension"),
                failure(client.onTlsEstablished(new Transport.Tls(TLS.serverEndPoint(), Optional.empty()))));
    }

    // Protocol version

    @Test
    void takesAnOlderVersionThatTheServerOffers() {
        ClientHandshake client = started(ClientSecurity.DEFAULT.withMaxProtocolVersion(ProtocolVersion.V3_2));
        assertEquals(List.of(), client.onMessage(new NegotiateProtocolVersion(ProtocolVersion.V3_0, List.of())));
        client.onMessage(new AuthenticationOk());
        assertEquals(
                List.of(new ClientAction.Connected(Optional.empty(), Map.of(), ProtocolVersion.V3_0)),
                client.onMessage(new ReadyForQuery(TransactionStatus.IDLE)));
    }

    @Test
    void leavesAServerThatIsOlderThanDemandedBeforeItGetsAPassword() {
        ClientHandshake client =
                started(ClientSecurity.DEFAULT.withMinProtocolVersion(ProtocolVersion.V3_2).withMaxProtocolVersion(ProtocolVersion.V3_2));
        ClientFailure failure = failure(client.onMessage(new NegotiateProtocolVersion(ProtocolVersion.V3_0, List.of())));
        assertEquals("server only supports protocol version 3.0, but \"min_protocol_version\" was set to 3.2", failure.reason());
    }

    @ParameterizedTest
    @CsvSource({"3,2", "3,1", "3,3", "2,0", "4,0"})
    void refusesAVersionThatIsNoAnswer(int major, int minor) {
        ClientHandshake client = started(ClientSecurity.DEFAULT.withMaxProtocolVersion(ProtocolVersion.V3_2));
        assertInstanceOf(
                ClientFailure.Violation.class,
                failure(client.onMessage(
                        new NegotiateProtocolVersion(new ProtocolVersion(major, minor), List.of()))));
    }

    @Test
    void refusesAnOptionThatItDidNotAskForAndASecondNegotiation() {
        ClientSecurity newer = ClientSecurity.DEFAULT.withMaxProtocolVersion(ProtocolVersion.V3_2);
        assertInstanceOf(
                ClientFailure.Violation.class,
                failure(started(newer).onMessage(new NegotiateProtocolVersion(ProtocolVersion.V3_0, List.of("_pq_.x")))));
        ClientHandshake twice = started(newer);
        twice.onMessage(new NegotiateProtocolVersion(ProtocolVersion.V3_0, List.of()));
        assertInstanceOf(
                ClientFailure.Violation.class,
                failure(twice.onMessage(new NegotiateProtocolVersion(ProtocolVersion.V3_0, List.of()))));
    }

    // Authentication

    @Test
    void sendsAPasswordAsItIsAsked() {
        assertEquals(
                List.of(new ClientAction.Send(new AuthenticationResponse(Secret.utf8("secret\0")))),
                started(ClientSecurity.DEFAULT).onMessage(new AuthenticationCleartextPassword()));
        // md5(md5("secret" "a") "\1\2\3\4")
        assertEquals(
                List.of(new ClientAction.Send(new AuthenticationResponse(Secret.utf8("md5d58b8beb9331f794d0ddfff0b140461e\0")))),
                started(ClientSecurity.DEFAULT)
                        .onMessage(new AuthenticationMd5Password(Secret.of(new byte[] {1, 2, 3, 4}))));
    }

    @Test
    void givesNoPasswordByAMethodThatRequireAuthForbids() {
        ClientSecurity scramOnly = ClientSecurity.DEFAULT.withRequireAuth(RequireAuth.parse("scram-sha-256"));
        assertEquals(
                new ClientFailure.Untrusted(
                        "authentication method requirement \"scram-sha-256\" failed: server requested a cleartext password"),
                failure(started(scramOnly).onMessage(new AuthenticationCleartextPassword())));
        assertEquals(
                new ClientFailure.Untrusted(
                        "authentication method requirement \"scram-sha-256\" failed: server requested a hashed password"),
                failure(started(scramOnly).onMessage(new AuthenticationMd5Password(Secret.of(new byte[4])))));
        assertEquals(
                new ClientFailure.Untrusted(
                        "authentication method requirement \"scram-sha-256\" failed: server did not complete authentication"),
                failure(started(scramOnly).onMessage(new AuthenticationOk())));
        assertEquals(
                new ClientFailure.Untrusted(
                        "authentication method requirement \"!scram-sha-256\" failed: server requested SASL authentication"),
                failure(started(ClientSecurity.DEFAULT.withRequireAuth(RequireAuth.parse("!scram-sha-256")))
                        .onMessage(new AuthenticationSasl(List.of("SCRAM-SHA-256")))));
        assertEquals(
                List.of(),
                started(ClientSecurity.DEFAULT.withRequireAuth(RequireAuth.parse("none"))).onMessage(new AuthenticationOk()));
    }

    @Test
    void channelBindingRequireTakesNothingElse() {
        ClientSecurity bound = ClientSecurity.DEFAULT.withChannelBinding(ChannelBindingMode.REQUIRE);
        ClientFailure unsupported = new ClientFailure.Untrusted(
                "channel binding required but not supported by server's authentication request");
        assertEquals(unsupported, failure(startedInTls(bound).onMessage(new AuthenticationCleartextPassword())));
        assertEquals(
                unsupported,
                failure(startedInTls(bound).onMessage(new AuthenticationMd5Password(Secret.of(new byte[4])))));
        assertEquals(
                new ClientFailure.Untrusted(
                        "channel binding required, but server authenticated client without channel binding"),
                failure(startedInTls(bound).onMessage(new AuthenticationOk())));
    }

    @Test
    void aServerThatSkipsTheRestOfScramIsNotBelieved() {
        ClientHandshake client = started(ClientSecurity.DEFAULT);
        client.onMessage(new AuthenticationSasl(List.of("SCRAM-SHA-256")));
        assertEquals(
                new ClientFailure.Untrusted("server did not complete SCRAM authentication"),
                failure(client.onMessage(new AuthenticationOk())));
    }

    @Test
    void refusesMechanismsAndMethodsThatItDoesNotSpeak() {
        assertEquals(
                new ClientFailure.Untrusted("none of the server's SASL authentication mechanisms are supported"),
                failure(started(ClientSecurity.DEFAULT).onMessage(new AuthenticationSasl(List.of("OAUTHBEARER")))));
        assertEquals(
                new ClientFailure.Untrusted(
                        "authentication method 7 not supported; expected password, md5 or scram-sha-256"),
                failure(started(ClientSecurity.DEFAULT).onMessage(new AuthenticationUnsupported(7))));
    }

    @Test
    void refusesScramMessagesOutOfTurn() {
        for (BackendMessage message : List.of(
                new AuthenticationSaslContinue(Secret.utf8("x")), new AuthenticationSaslFinal(Secret.utf8("x")))) {
            assertInstanceOf(
                    ClientFailure.Violation.class, failure(started(ClientSecurity.DEFAULT).onMessage(message)));
        }
        ClientHandshake asked = started(ClientSecurity.DEFAULT);
        asked.onMessage(new AuthenticationSasl(List.of("SCRAM-SHA-256")));
        assertInstanceOf(
                ClientFailure.Violation.class, failure(asked.onMessage(new AuthenticationCleartextPassword())));
    }

    @Test
    void doesNotWorkForAServerThatDemandsTooManyIterations() {
        ClientHandshake client = started(ClientSecurity.DEFAULT);
        AuthenticationResponse first = assertInstanceOf(
                AuthenticationResponse.class,
                assertInstanceOf(
                                ClientAction.Send.class,
                                client.onMessage(new AuthenticationSasl(List.of("SCRAM-SHA-256"))).getFirst())
                        .message());
        String nonce = first.body().utf8().replaceFirst("(?s).*,r=", "");
        assertEquals(
                new ClientFailure.Untrusted("server demands 1000001 SCRAM iterations; expected at most 1000000"),
                failure(client.onMessage(new AuthenticationSaslContinue(
                        Secret.utf8("r=" + nonce + "x,s=vNTVuGGjZU6qMzAFoq6HpA==,i=1000001")))));
    }

    // After AuthenticationOk

    @Test
    void collectsWhatTheServerTellsUntilItIsReady() {
        ClientHandshake client = started(ClientSecurity.DEFAULT);
        assertEquals(List.of(), client.onMessage(new AuthenticationOk()));
        assertEquals(List.of(), client.onMessage(new ParameterStatus("server_version", "15.1")));
        assertEquals(List.of(), client.onMessage(new ParameterStatus("server_version", "15.2")));
        assertEquals(List.of(), client.onMessage(Conversation.KEY));
        Diagnostic notice = new Diagnostic("WARNING", "01000", "old", Optional.empty(), Optional.empty());
        assertEquals(List.of(new ClientAction.Notice(notice)), client.onMessage(new NoticeResponse(notice)));
        assertEquals(
                List.of(new ClientAction.Connected(
                        Optional.of(Conversation.KEY), Map.of("server_version", "15.2"), ProtocolVersion.V3_0)),
                client.onMessage(new ReadyForQuery(TransactionStatus.IDLE)));
    }

    @Test
    void tellsALoginThatIsRefusedFromAServerThatIsNotReady() {
        Diagnostic starting = Diagnostic.fatal("57P03", "the database system is starting up");
        assertEquals(
                new ClientFailure.ServerRefused(starting),
                failure(started(ClientSecurity.DEFAULT).onMessage(new ErrorResponse(starting))));
        // After AuthenticationOk the other way would not help either.
        ClientHandshake allowed = client(mode(SslMode.ALLOW));
        allowed.start();
        allowed.onMessage(new AuthenticationOk());
        assertEquals(new ClientFailure.ServerRefused(starting), failure(allowed.onMessage(new ErrorResponse(starting))));
    }

    @Test
    void refusesAndReleasesWhatDoesNotBelongHere() {
        ByteBuf data = Unpooled.buffer();
        ClientHandshake client = started(ClientSecurity.DEFAULT);
        assertEquals(
                new ClientFailure.Violation("expected authentication request from server, but received CopyData"),
                failure(client.onMessage(new CopyData(data))));
        assertEquals(0, data.refCnt());
        assertEquals(List.of(), client.onMessage(new AuthenticationOk()));
    }

    @Test
    void printsNoPassword() {
        assertFalse(login("a", "hunter2").toString().contains("hunter2"));
        assertFalse(started(ClientSecurity.DEFAULT)
                .onMessage(new AuthenticationCleartextPassword())
                .toString()
                .contains("secret"));
    }

    @Test
    void aRequestToCancelIsAllThatIsSaid() {
        CancelRequest request = new CancelRequest(4711, Conversation.KEY.secretKey());
        ClientHandshake plain = new ClientHandshake(request, mode(SslMode.PREFER), new SslMode.Attempt(false, true));
        assertEquals(List.of(new ClientAction.Send(request), new ClientAction.CancelSent()), plain.start());

        ClientHandshake encrypted = new ClientHandshake(request, mode(SslMode.PREFER), new SslMode.Attempt(true, true));
        assertEquals(List.of(new ClientAction.Send(new SslRequest())), encrypted.start());
        assertEquals(List.of(new ClientAction.StartTls()), encrypted.onSslAnswer((byte) 'S', false));
        assertEquals(List.of(new ClientAction.Send(request), new ClientAction.CancelSent()), encrypted.onTlsEstablished(TLS));
    }

    @Test
    void theKeyOfAnEncryptedSessionNeverTravelsInClear() {
        CancelRequest request = new CancelRequest(4711, Conversation.KEY.secretKey());
        ClientHandshake declined = new ClientHandshake(request, mode(SslMode.PREFER), new SslMode.Attempt(true, true));
        declined.start();
        assertEquals(
                List.of(new ClientAction.Fail(new ClientFailure.Untrusted("server does not support SSL, but SSL was required"))),
                declined.onSslAnswer((byte) 'N', false));
    }
}
