package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.Secret;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * Makes the verifiers that are shown for users who have none, so that nobody learns which users exist: the same salt for the same name each
 * time (mock_scram_secret in auth-scram.c). No password fits them. Thread-safe.
 *
 * @param nonce 32 random bytes, the same for the life of the process; those who know it can tell mock from real
 * @param iterations what most real verifiers have
 */
public record MockVerifiers(Secret nonce, int iterations) {

    private static final Secret NO_KEY = Secret.of(new byte[ScramSha256.KEY_LENGTH]);

    public static MockVerifiers random(SecureRandom random) {
        byte[] nonce = new byte[32];
        random.nextBytes(nonce);
        return new MockVerifiers(Secret.of(nonce), ScramSha256.DEFAULT_ITERATIONS);
    }

    PasswordVerifier.Scram forUser(String user) {
        byte[] hash = ScramSha256.sha256(user.getBytes(StandardCharsets.UTF_8), nonce.bytes());
        return new PasswordVerifier.Scram(
                iterations, Secret.of(Arrays.copyOf(hash, ScramSha256.SALT_LENGTH)), NO_KEY, NO_KEY);
    }
}
