package io.walrelay.protocol.handshake;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslContinue;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.FrontendMessage.AuthenticationResponse;
import io.walrelay.protocol.message.FrontendMessage.StartupMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.Secret;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/**
 * The time that a refusal takes must not tell whether a user exists: what costs time is counted instead of measured. A made-up verifier
 * costs one hash more, for the salt that is made of the name, as in PostgreSQL (auth-scram.c, scram_mock_salt).
 */
final class EqualWorkTest {

    private static final SecureRandom RANDOM = new SecureRandom();
    private static final MockVerifiers MOCKS = MockVerifiers.random(RANDOM);
    private static final Map<String, Integer> SALT_OF_A_STRANGER = Map.of("SHA-256", 1);

    private static final Optional<PasswordVerifier> KNOWN = Optional.of(PasswordVerifier.Scram.of("right", RANDOM));
    private static final Optional<PasswordVerifier> HASHED = Optional.of(PasswordVerifier.Md5.of("right", "hashed"));
    private static final Optional<PasswordVerifier> NOBODY = Optional.empty();

    @Test
    void scramCostsAStrangerWhatItCostsAWrongPassword() throws Exception {
        Map<String, Integer> wrong = costOfScram(AuthenticationDecision.ScramSha256::new, KNOWN);
        assertTrue(wrong.getOrDefault("HmacSHA256", 0) >= 1, wrong::toString);
        assertEquals(plus(wrong, SALT_OF_A_STRANGER), costOfScram(AuthenticationDecision.ScramSha256::new, NOBODY));
        assertEquals(plus(wrong, SALT_OF_A_STRANGER), costOfScram(AuthenticationDecision.ScramSha256::new, HASHED));
        assertEquals(plus(wrong, SALT_OF_A_STRANGER), costOfScram(AuthenticationDecision.Md5::new, NOBODY));
        assertEquals(wrong, costOfScram(AuthenticationDecision.Md5::new, KNOWN));
    }

    @Test
    void aPasswordInClearCostsAStrangerAllIterations() throws Exception {
        Map<String, Integer> wrong = costOfClearText(KNOWN);
        assertTrue(wrong.getOrDefault("HmacSHA256", 0) > ScramSha256.DEFAULT_ITERATIONS, wrong::toString);
        assertEquals(plus(wrong, SALT_OF_A_STRANGER), costOfClearText(NOBODY));
    }

    private static Map<String, Integer> costOfScram(Function<Optional<PasswordVerifier>, AuthenticationDecision> method, Optional<PasswordVerifier> verifier)
            throws Exception {
        ServerHandshake server = opened();
        try (CountedHashing hashing = new CountedHashing()) {
            List<ServerAction> actions = new ArrayList<>(server.onDecision(method.apply(verifier)));
            actions.addAll(server.onMessage(new AuthenticationResponse(initialResponse("n,,n=,r=abc"))));
            AuthenticationSaslContinue challenge = assertInstanceOf(AuthenticationSaslContinue.class, sent(actions).getLast());
            String serverFirst = challenge.data().utf8();
            assertTrue(serverFirst.endsWith(",i=" + ScramSha256.DEFAULT_ITERATIONS), serverFirst);
            String nonce = serverFirst.substring(0, serverFirst.indexOf(','));
            String wrongProof = Base64.getEncoder().encodeToString(new byte[ScramSha256.KEY_LENGTH]);
            assertRefused(server.onMessage(new AuthenticationResponse(Secret.utf8("c=biws,%s,p=%s".formatted(nonce, wrongProof)))));
            return hashing.sinceThen();
        }
    }

    private static Map<String, Integer> costOfClearText(Optional<PasswordVerifier> verifier) {
        ServerHandshake server = opened();
        try (CountedHashing hashing = new CountedHashing()) {
            server.onDecision(new AuthenticationDecision.CleartextPassword(verifier));
            assertRefused(server.onMessage(new AuthenticationResponse(Secret.utf8("wrong\0"))));
            return hashing.sinceThen();
        }
    }

    private static ServerHandshake opened() {
        ServerHandshake server = ServerHandshake.overPlaintext(new ServerHandshake.Listener(false, MOCKS, RANDOM));
        server.onMessage(new StartupMessage(ProtocolVersion.V3_0, Map.of("user", "somebody", "replication", "true")));
        return server;
    }

    private static Secret initialResponse(String clientFirst) {
        byte[] mechanism = (ScramSha256.NAME + "\0").getBytes(StandardCharsets.US_ASCII);
        byte[] message = clientFirst.getBytes(StandardCharsets.US_ASCII);
        return Secret.of(ByteBuffer.allocate(mechanism.length + 4 + message.length).put(mechanism).putInt(message.length).put(message).array());
    }

    private static List<BackendMessage> sent(List<ServerAction> actions) {
        return actions.stream().filter(ServerAction.Send.class::isInstance).map(action -> ((ServerAction.Send) action).message()).toList();
    }

    private static void assertRefused(List<ServerAction> actions) {
        ErrorResponse error = assertInstanceOf(ErrorResponse.class, sent(actions).getFirst());
        assertEquals("28P01", error.diagnostic().sqlState());
        assertEquals("password authentication failed for user \"somebody\"", error.diagnostic().message());
    }

    private static Map<String, Integer> plus(Map<String, Integer> counts, Map<String, Integer> more) {
        Map<String, Integer> sum = new HashMap<>(counts);
        more.forEach((algorithm, count) -> sum.merge(algorithm, count, Integer::sum));
        return sum;
    }
}
