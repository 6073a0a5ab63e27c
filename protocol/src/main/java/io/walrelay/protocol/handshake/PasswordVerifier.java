package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.Secret;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a server keeps to know a password again, in the two forms of pg_authid.rolpassword (crypt.c, auth-scram.c). Prints no secrets. */
public sealed interface PasswordVerifier {

    /** {@code SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey}. */
    record Scram(int iterations, Secret salt, Secret storedKey, Secret serverKey) implements PasswordVerifier {

        private static final Pattern FORM =
                Pattern.compile("SCRAM-SHA-256\\$([0-9]{1,10}):([A-Za-z0-9+/=]+)\\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)");

        public Scram {
            if (iterations < 1) {
                throw new IllegalArgumentException("a SCRAM verifier with %d iterations; expected at least 1".formatted(iterations));
            }
            if (storedKey.length() != ScramSha256.KEY_LENGTH || serverKey.length() != ScramSha256.KEY_LENGTH) {
                throw new IllegalArgumentException("a SCRAM verifier with keys of %d and %d bytes; expected 32 each"
                        .formatted(storedKey.length(), serverKey.length()));
            }
        }

        /** Made from a password that is not empty; {@code salt} should be 16 random bytes. */
        public static Scram of(String password, byte[] salt, int iterations) {
            if (password.isEmpty()) {
                throw new IllegalArgumentException("empty string is not a valid password");
            }
            byte[] salted = ScramSha256.saltedPassword(
                    ScramSha256.prepare(password.getBytes(StandardCharsets.UTF_8)), salt, iterations);
            return new Scram(
                    iterations,
                    Secret.of(salt),
                    Secret.of(ScramSha256.storedKey(ScramSha256.clientKey(salted))),
                    Secret.of(ScramSha256.serverKey(salted)));
        }

        /** With a random salt and PostgreSQL's default of 4096 iterations. */
        public static Scram of(String password, SecureRandom random) {
            byte[] salt = new byte[ScramSha256.SALT_LENGTH];
            random.nextBytes(salt);
            return of(password, salt, ScramSha256.DEFAULT_ITERATIONS);
        }

        @Override
        public boolean matches(String user, Secret password) {
            byte[] salted = ScramSha256.saltedPassword(ScramSha256.prepare(password.bytes()), salt.bytes(), iterations);
            return Secret.of(ScramSha256.serverKey(salted)).equals(serverKey);
        }

        @Override
        public String rolpassword() {
            Base64.Encoder base64 = Base64.getEncoder();
            return "SCRAM-SHA-256$%d:%s$%s:%s"
                    .formatted(
                            iterations,
                            base64.encodeToString(salt.bytes()),
                            base64.encodeToString(storedKey.bytes()),
                            base64.encodeToString(serverKey.bytes()));
        }
    }

    /** {@code md5} and the 32 hexadecimal digits that {@code hash} holds. */
    record Md5(Secret hash) implements PasswordVerifier {

        private static final Pattern FORM = Pattern.compile("md5([0-9a-f]{32})");

        public static Md5 of(String password, String user) {
            return new Md5(Secret.utf8(Md5Password.stored(password.getBytes(StandardCharsets.UTF_8), user)));
        }

        @Override
        public boolean matches(String user, Secret password) {
            return Secret.utf8(Md5Password.stored(password.bytes(), user)).equals(hash);
        }

        @Override
        public String rolpassword() {
            return "md5" + hash.utf8();
        }
    }

    /** Whether {@code password}, in clear and not empty, is the one. Costs as many HMACs as a SCRAM verifier has iterations. */
    boolean matches(String user, Secret password);

    /** The form that pg_authid stores. A secret. */
    String rolpassword();

    /**
     * Reads a value of rolpassword.
     *
     * @throws IllegalArgumentException when it has neither form; the message does not show it
     */
    static PasswordVerifier parse(String rolpassword) {
        Matcher md5 = Md5.FORM.matcher(rolpassword);
        if (md5.matches()) {
            return new Md5(Secret.utf8(md5.group(1)));
        }
        Matcher scram = Scram.FORM.matcher(rolpassword);
        if (!scram.matches()) {
            throw new IllegalArgumentException(
                    "a password verifier of %d characters has neither form; expected SCRAM-SHA-256$… or md5…"
                            .formatted(rolpassword.length()));
        }
        long iterations = Long.parseLong(scram.group(1));
        if (iterations > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "a SCRAM verifier with %d iterations; expected at most %d".formatted(iterations, Integer.MAX_VALUE));
        }
        Base64.Decoder base64 = Base64.getDecoder();
        return new Scram(
                (int) iterations,
                Secret.of(base64.decode(scram.group(2))),
                Secret.of(base64.decode(scram.group(3))),
                Secret.of(base64.decode(scram.group(4))));
    }
}
