package io.walrelay.protocol.handshake;

import static io.walrelay.protocol.handshake.Conversation.login;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.handshake.AuthenticationDecision.CleartextPassword;
import io.walrelay.protocol.handshake.AuthenticationDecision.Md5;
import io.walrelay.protocol.handshake.AuthenticationDecision.ScramSha256;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSasl;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslContinue;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslFinal;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.FrontendMessage.AuthenticationResponse;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.Secret;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Client and server against each other: every method, and what goes wrong with each. */
class HandshakeConversationTest {

    private static final Optional<PasswordVerifier> SCRAM =
            Optional.of(PasswordVerifier.parse(PasswordVerifierTest.POSTGRES_SECRET));
    private static final Optional<PasswordVerifier> MD5 =
            Optional.of(PasswordVerifier.parse(PasswordVerifierTest.POSTGRES_MD5));
    private static final ClientSecurity BOUND =
            ClientSecurity.DEFAULT.withSslMode(SslMode.REQUIRE).withChannelBinding(ChannelBindingMode.REQUIRE);

    static Stream<Arguments> methods() {
        return Stream.of(
                Arguments.of("trust", new AuthenticationDecision.Trust(), "a"),
                Arguments.of("cert", new AuthenticationDecision.Cert(true), "a"),
                Arguments.of("password with a SCRAM verifier", new CleartextPassword(SCRAM), "a"),
                Arguments.of("password with an md5 verifier", new CleartextPassword(MD5), "c"),
                Arguments.of("md5", new Md5(MD5), "c"),
                Arguments.of("md5 with a SCRAM verifier", new Md5(SCRAM), "a"),
                Arguments.of("scram-sha-256", new ScramSha256(SCRAM), "a"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("methods")
    void aSessionBeginsWithAndWithoutTls(String name, AuthenticationDecision decision, String user) {
        for (SslMode mode : SslMode.values()) {
            Conversation talk = new Conversation().decide(decision).run(login(user, "secret"), mode);
            assertEquals(Optional.empty(), talk.failure, name);
            ClientAction.Connected connected = talk.connected.orElseThrow();
            assertEquals(Optional.of(Conversation.KEY), connected.key());
            assertEquals(Conversation.PARAMETERS, connected.parameters());
            assertEquals(ProtocolVersion.V3_0, connected.version());
            assertEquals(mode != SslMode.DISABLE && mode != SslMode.ALLOW, talk.encrypted);
            assertEquals(user, talk.authenticated.orElseThrow().request().user());
        }
    }

    @Test
    void md5IsSpokenAsManualSays() {
        assertEquals(
                List.of(
                        "F StartupMessage",
                        "B AuthenticationMd5Password",
                        "F AuthenticationResponse 36",
                        "B AuthenticationOk",
                        "B ParameterStatus",
                        "B BackendKeyData",
                        "B ReadyForQuery"),
                new Conversation().decide(new Md5(MD5)).run(login("c", "secret"), SslMode.DISABLE).shape);
    }

    @Test
    void scramBindsToTheCertificateUnderTls() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM)).run(login("a", "secret"), BOUND);
        assertEquals(
                List.of(
                        "F SslRequest",
                        "F StartupMessage",
                        "B AuthenticationSasl [SCRAM-SHA-256-PLUS, SCRAM-SHA-256]",
                        "F AuthenticationResponse 77",
                        "B AuthenticationSaslContinue 84",
                        "F AuthenticationResponse 176",
                        "B AuthenticationSaslFinal 46",
                        "B AuthenticationOk",
                        "B ParameterStatus",
                        "B BackendKeyData",
                        "B ReadyForQuery"),
                talk.shape);
    }

    @Test
    void scramGivesTheKeysToLogInUpstreamWith() {
        ScramKeys keys = new Conversation()
                .decide(new ScramSha256(SCRAM))
                .run(login("a", "secret"), SslMode.DISABLE)
                .authenticated
                .orElseThrow()
                .keys()
                .orElseThrow();
        PasswordVerifier.Scram stored = (PasswordVerifier.Scram) SCRAM.orElseThrow();
        assertEquals(stored.storedKey(), storedKey(keys));
        assertEquals(stored.serverKey(), keys.serverKey());
        assertEquals("ScramKeys[clientKey=(32 bytes), serverKey=(32 bytes)]", keys.toString());
    }

    private static Secret storedKey(ScramKeys keys) {
        return Secret.of(io.walrelay.protocol.handshake.ScramSha256.storedKey(keys.clientKey().bytes()));
    }

    @Test
    void directTlsNeedsNoSslRequest() {
        Conversation talk = new Conversation()
                .decide(new ScramSha256(SCRAM))
                .run(login("a", "secret"), BOUND.withDirectTls(true));
        assertTrue(talk.connected.isPresent());
        assertEquals("F StartupMessage", talk.shape.getFirst());
    }

    @Test
    void aCertificateWithoutAHashLeavesScramUnbound() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
        talk.certificateAtServer = Optional.empty();
        talk.certificateAtClient = Optional.empty();
        assertTrue(talk.run(login("a", "secret"), SslMode.REQUIRE).connected.isPresent());
        assertTrue(talk.shape.contains("B AuthenticationSasl [SCRAM-SHA-256]"));
    }

    @Test
    void theClientMayDisableChannelBinding() {
        ClientSecurity unbound = BOUND.withChannelBinding(ChannelBindingMode.DISABLE);
        assertTrue(new Conversation().decide(new ScramSha256(SCRAM)).run(login("a", "secret"), unbound).connected.isPresent());
    }

    @Test
    void aPasswordIsPreparedOnBothSides() {
        Optional<PasswordVerifier> prepared =
                Optional.of(PasswordVerifier.parse(PasswordVerifierTest.POSTGRES_PREPARED));
        for (String password : List.of("\u2168 \u00e9t\u00e9\u00ad", "IX e\u0301te\u0301")) {
            for (AuthenticationDecision decision : List.of(new ScramSha256(prepared), new CleartextPassword(prepared))) {
                Conversation talk = new Conversation().decide(decision).run(login("b", password), SslMode.REQUIRE);
                assertEquals(Optional.empty(), talk.failure);
                assertTrue(talk.connected.isPresent());
            }
        }
    }

    @Test
    void aPasswordThatSaslprepForbidsIsTakenAsItIs() {
        for (String password : List.of("\u0007bell", "\u06271", "\ud83d\udc18")) {
            PasswordVerifier verifier = PasswordVerifier.Scram.of(password, new byte[16], 4096);
            Conversation talk = new Conversation()
                    .decide(new ScramSha256(Optional.of(verifier)))
                    .run(login("b", password), SslMode.REQUIRE);
            assertEquals(Optional.empty(), talk.failure);
        }
    }

    @Test
    void aPasswordOfWhichSaslprepLeavesNothingIsRefusedByTheClient() {
        assertEquals(
                Optional.of(new ClientFailure.NoPassword("SASLprep leaves nothing of the password for user \"a\"")),
                new Conversation().decide(new ScramSha256(SCRAM)).run(login("a", "\u00ad"), SslMode.DISABLE).failure);
    }

    @Test
    void aServersNonsenseNeverThrows() {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int i = 0; i < 2_000; i++) {
            Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
            boolean first = random.nextBoolean();
            talk.toClient = message -> switch (message) {
                case AuthenticationSaslContinue(var data) when first -> new AuthenticationSaslContinue(mutated(data, random));
                case AuthenticationSaslFinal(var data) when !first -> new AuthenticationSaslFinal(mutated(data, random));
                default -> message;
            };
            assertDoesNotThrow(() -> talk.run(login("a", "secret"), SslMode.DISABLE), () -> "-Dwalrelay.seed=" + seed);
            assertTrue(talk.connected.isEmpty() && talk.failure.isPresent(), () -> "-Dwalrelay.seed=" + seed);
        }
    }

    /** Another message of the same form: cut, or with bytes changed, or with a piece said twice. Keeps the iterations affordable. */
    private static Secret mutated(Secret data, Random random) {
        byte[] bytes = data.bytes();
        byte[] changed =
                switch (random.nextInt(3)) {
                    case 0 -> Arrays.copyOf(bytes, random.nextInt(bytes.length));
                    case 1 -> {
                        byte[] copy = bytes.clone();
                        copy[random.nextInt(Math.min(20, copy.length))] ^= (byte) (1 << random.nextInt(8));
                        yield copy;
                    }
                    default -> {
                        byte[] twice = Arrays.copyOf(bytes, bytes.length + 5);
                        System.arraycopy(bytes, random.nextInt(bytes.length - 5), twice, bytes.length, 5);
                        yield twice;
                    }
                };
        return Arrays.equals(changed, bytes) ? Secret.of(new byte[0]) : Secret.of(changed);
    }

    static Stream<Arguments> passwordMethods() {
        Function<Optional<PasswordVerifier>, AuthenticationDecision> password = CleartextPassword::new;
        Function<Optional<PasswordVerifier>, AuthenticationDecision> md5 = Md5::new;
        Function<Optional<PasswordVerifier>, AuthenticationDecision> scram = ScramSha256::new;
        return Stream.of(
                Arguments.of("password", password), Arguments.of("md5", md5), Arguments.of("scram-sha-256", scram));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("passwordMethods")
    void anUnknownUserWalksTheSameStepsAsAWrongPassword(
            String name, Function<Optional<PasswordVerifier>, AuthenticationDecision> method) {
        for (SslMode mode : List.of(SslMode.DISABLE, SslMode.REQUIRE)) {
            Conversation wrong = new Conversation().decide(method.apply(SCRAM)).run(login("a", "guess"), mode);
            Conversation unknown = new Conversation().decide(method.apply(Optional.empty())).run(login("a", "guess"), mode);
            Conversation md5Only = new Conversation().decide(new ScramSha256(MD5)).run(login("a", "guess"), mode);
            Diagnostic refusal = Diagnostic.fatal("28P01", "password authentication failed for user \"a\"");
            assertEquals(Optional.of(new ClientFailure.LoginRefused(refusal)), wrong.failure, name);
            assertEquals(wrong.failure, unknown.failure);
            assertEquals(wrong.shape, unknown.shape);
            assertEquals(wrong.failure, md5Only.failure);
        }
    }

    @Test
    void anUnknownUserIsShownTheSameSaltEachTime() {
        List<String> salts = new ArrayList<>();
        for (String user : List.of("ghost", "ghost", "spectre")) {
            Conversation talk = new Conversation().decide(new ScramSha256(Optional.empty()));
            talk.toClient = message -> {
                if (message instanceof AuthenticationSaslContinue(var data)) {
                    salts.add(data.utf8().replaceFirst("r=[^,]*,", ""));
                }
                return message;
            };
            talk.run(login(user, "secret"), SslMode.DISABLE);
        }
        assertEquals(salts.get(0), salts.get(1));
        assertFalse(salts.get(0).equals(salts.get(2)));
        assertTrue(salts.get(0).matches("s=[A-Za-z0-9+/]{22}==,i=4096"), salts.get(0));
    }

    @Test
    void aWrongMd5PasswordIsRefused() {
        Conversation talk = new Conversation().decide(new Md5(MD5)).run(login("c", "guess"), SslMode.DISABLE);
        assertEquals(
                Optional.of(Diagnostic.fatal("28P01", "password authentication failed for user \"c\"")), talk.serverError);
    }

    @Test
    void aCertificateOfSomebodyElseIsRefused() {
        Conversation talk =
                new Conversation().decide(new AuthenticationDecision.Cert(false)).run(login("a", ""), SslMode.REQUIRE);
        assertEquals(
                Optional.of(Diagnostic.fatal("28000", "certificate authentication failed for user \"a\"")), talk.serverError);
    }

    @Test
    void aRejectionIsSentAsItIs() {
        Diagnostic noLine = Diagnostic.fatal("28000", "no pg_hba.conf entry for replication connection");
        Conversation talk =
                new Conversation().decide(new AuthenticationDecision.Reject(noLine)).run(login("a", ""), SslMode.DISABLE);
        assertEquals(Optional.of(new ClientFailure.LoginRefused(noLine)), talk.failure);
    }

    @Test
    void anEmptyPasswordIsNeverSent() {
        for (AuthenticationDecision decision : List.of(new CleartextPassword(SCRAM), new Md5(MD5), new ScramSha256(SCRAM))) {
            Conversation talk = new Conversation().decide(decision).run(login("a", ""), SslMode.DISABLE);
            assertEquals(
                    Optional.of(new ClientFailure.NoPassword("no password supplied for user \"a\"")), talk.failure);
        }
    }

    @Test
    void anotherCertificateInBetweenIsNoticedByTheServer() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
        talk.certificateAtClient = Optional.of(Secret.of(new byte[32]));
        talk.run(login("a", "secret"), BOUND);
        assertEquals(Optional.of(Diagnostic.fatal("28000", "SCRAM channel binding check failed")), talk.serverError);
        assertTrue(talk.connected.isEmpty());
    }

    @Test
    void whoTakesPlusOutOfTheOfferIsNoticedByTheServer() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
        talk.toClient = HandshakeConversationTest::withoutPlus;
        talk.run(login("a", "secret"), SslMode.REQUIRE);
        assertEquals("SCRAM channel binding negotiation error", talk.serverError.orElseThrow().message());
        assertTrue(talk.connected.isEmpty());
    }

    @Test
    void whoTakesPlusOutOfTheOfferIsNoticedByAClientThatRequiresIt() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
        talk.toClient = HandshakeConversationTest::withoutPlus;
        talk.run(login("a", "secret"), BOUND);
        assertEquals(
                Optional.of(new ClientFailure.Untrusted("channel binding is required, but server did not offer an"
                        + " authentication method that supports channel binding")),
                talk.failure);
    }

    private static BackendMessage withoutPlus(BackendMessage message) {
        return message instanceof AuthenticationSasl ? new AuthenticationSasl(List.of("SCRAM-SHA-256")) : message;
    }

    @Test
    void aChangedServerNonceIsNoticedByTheClient() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
        talk.toClient = message -> message instanceof AuthenticationSaslContinue(var data)
                ? new AuthenticationSaslContinue(Secret.utf8(data.utf8().replaceFirst("r=.", "r=!")))
                : message;
        talk.run(login("a", "secret"), SslMode.DISABLE);
        assertInstanceOf(ClientFailure.Violation.class, talk.failure.orElseThrow());
    }

    @Test
    void aServerNonceWithATailIsNoticedByTheServer() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
        talk.toClient = message -> message instanceof AuthenticationSaslContinue(var data)
                ? new AuthenticationSaslContinue(Secret.utf8(data.utf8().replaceFirst(",s=", "x,s=")))
                : message;
        talk.run(login("a", "secret"), SslMode.DISABLE);
        assertEquals("invalid SCRAM response", talk.serverError.orElseThrow().message());
    }

    @Test
    void aServerThatDoesNotKnowThePasswordIsNoticedByTheClient() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
        talk.toClient = message -> message instanceof AuthenticationSaslFinal
                ? new AuthenticationSaslFinal(Secret.utf8("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="))
                : message;
        talk.run(login("a", "secret"), SslMode.DISABLE);
        assertEquals(Optional.of(new ClientFailure.Untrusted("incorrect server signature")), talk.failure);
    }

    @Test
    void aChangedProofIsAWrongPassword() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
        // A nonce may have "p=", but no comma.
        talk.toServer = changedResponse(text -> text.replaceFirst(",p=...", ",p=AAA"));
        talk.run(login("a", "secret"), SslMode.DISABLE);
        assertEquals("28P01", talk.serverError.orElseThrow().sqlState());
    }

    @Test
    void aReplayedLoginIsRefused() {
        List<FrontendMessage> recorded = new ArrayList<>();
        Conversation first = new Conversation().decide(new ScramSha256(SCRAM));
        first.toServer = message -> {
            recorded.add(message);
            return message;
        };
        assertTrue(first.run(login("a", "secret"), SslMode.DISABLE).connected.isPresent());

        Conversation second = new Conversation().decide(new ScramSha256(SCRAM));
        List<FrontendMessage> replay = new ArrayList<>(recorded);
        second.toServer = message -> replay.removeFirst();
        second.run(login("a", "whatever"), SslMode.DISABLE);
        // The client of the replay sees a nonce that is not its own and stops; the server never gets to AuthenticationOk.
        assertTrue(second.authenticated.isEmpty());
        assertTrue(second.connected.isEmpty());
    }

    @Test
    void aMessageSentTwiceIsRefused() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
        List<FrontendMessage> seen = new ArrayList<>();
        talk.toServer = message -> {
            seen.add(message);
            return seen.size() == 3 ? seen.get(1) : message;
        };
        talk.run(login("a", "secret"), SslMode.DISABLE);
        assertEquals(
                Optional.of(Diagnostic.fatal("08P01", "malformed SCRAM message")
                        .withDetail("Message length does not match input length.")),
                talk.serverError);
    }

    @Test
    void anUnknownMechanismIsRefused() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
        talk.toServer = changedResponse(text -> text.replaceFirst("SCRAM-SHA-256", "SCRAM-SHA-512"));
        talk.run(login("a", "secret"), SslMode.DISABLE);
        assertEquals(
                Optional.of(Diagnostic.fatal("08P01", "client selected an invalid SASL authentication mechanism")),
                talk.serverError);
    }

    @Test
    void plusWithoutTlsIsNotOfferedAndNotTaken() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
        talk.toServer = changedResponse(text -> text.replaceFirst("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"));
        talk.run(login("a", "secret"), SslMode.DISABLE);
        assertEquals("client selected an invalid SASL authentication mechanism", talk.serverError.orElseThrow().message());
        assertTrue(talk.shape.contains("B AuthenticationSasl [SCRAM-SHA-256]"));
    }

    @Test
    void aClientWithoutTlsRefusesAnOfferOfPlus() {
        Conversation talk = new Conversation().decide(new ScramSha256(SCRAM));
        talk.toClient = message -> message instanceof AuthenticationSasl
                ? new AuthenticationSasl(List.of("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"))
                : message;
        talk.run(login("a", "secret"), SslMode.DISABLE);
        assertEquals(
                Optional.of(new ClientFailure.Untrusted(
                        "server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection")),
                talk.failure);
    }

    @Test
    void aServerOfThisVersionAnswersAClientOfTheSame() {
        Conversation talk = new Conversation()
                .run(login("a", ""), ClientSecurity.DEFAULT.withMaxProtocolVersion(ProtocolVersion.V3_2));
        assertEquals(ProtocolVersion.V3_2, talk.connected.orElseThrow().version());
    }

    private static UnaryOperator<FrontendMessage> changedResponse(UnaryOperator<String> change) {
        return message -> message instanceof AuthenticationResponse(var body)
                ? new AuthenticationResponse(Secret.of(change.apply(
                                new String(body.bytes(), StandardCharsets.ISO_8859_1))
                        .getBytes(StandardCharsets.ISO_8859_1)))
                : message;
    }
}
