package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.Secret;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * Makes the verifiers that are shown for users who have none, so that nobody learns which users exist: the same salt for the same name each
 * time (mock_scram_secret in auth-scram.c). No password fits them. Thread-safe.
 *
 * @param nonce {@link #NONCE_LENGTH} random bytes, the same also after a restart: a salt that changed would tell mock from real. Those who know it can tell mock from real
 * @param iterations what most real verifiers have
 */
public record MockVerifiers(Secret nonce, int iterations) {

    private static final Secret NO_KEY = Secret.of(new byte[ScramSha256.KEY_LENGTH]);

    public static final int NONCE_LENGTH = 32;

    public static MockVerifiers random(SecureRandom random) {
        byte[] nonce = new byte[NONCE_LENGTH];
        random.nextBytes(nonce);
        return of(Secret.of(nonce));
    }

    public static MockVerifiers of(Secret nonce) {
        return new MockVerifiers(nonce, ScramSha256.DEFAULT_ITERATIONS);
    }

    PasswordVerifier.Scram forUser(String user) {
        byte[] hash = ScramSha256.sha256(user.getBytes(StandardCharsets.UTF_8), nonce.bytes());
        return new PasswordVerifier.Scram(
                iterations, Secret.of(Arrays.copyOf(hash, ScramSha256.SALT_LENGTH)), NO_KEY, NO_KEY);
    }
}
