package io.walrelay.protocol.handshake;

import com.ongres.scram.common.ScramFunctions;
import com.ongres.scram.common.ScramMechanism;
import com.ongres.scram.common.StringPreparation;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** The functions of SCRAM-SHA-256 over bytes, as scram-common.c and saslprep.c have them. */
final class ScramSha256 {

    static final String NAME = "SCRAM-SHA-256";
    static final String PLUS_NAME = "SCRAM-SHA-256-PLUS";
    static final String BINDING_TYPE = "tls-server-end-point";
    static final int KEY_LENGTH = 32;
    static final int SALT_LENGTH = 16;
    static final int RAW_NONCE_LENGTH = 18;
    static final int DEFAULT_ITERATIONS = 4096;

    private static final ScramMechanism MECHANISM = ScramMechanism.SCRAM_SHA_256;

    private ScramSha256() {}

    /** SASLprep; the bytes as they are when they are no UTF-8, when SASLprep forbids them or when it leaves nothing of them. */
    static byte[] prepare(byte[] password) {
        CharBuffer text;
        try {
            text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(password));
        } catch (CharacterCodingException notUtf8) {
            return password;
        }
        if (!text.hasRemaining()) {
            return password;
        }
        try {
            char[] prepared = StringPreparation.SASL_PREPARATION.normalize(text.toString().toCharArray());
            return new String(prepared).getBytes(StandardCharsets.UTF_8);
        } catch (IllegalArgumentException | IndexOutOfBoundsException forbidden) {
            // The second is how the library meets a password of which nothing is left, such as a lone soft hyphen.
            return password;
        }
    }

    /** Hi() of RFC 5802. Costs {@code iterations} HMACs: about half a microsecond each. */
    static byte[] saltedPassword(byte[] prepared, byte[] salt, int iterations) {
        // The library's function takes characters, and a password need not be any.
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(prepared, "HmacSHA256"));
            mac.update(salt);
            byte[] round = mac.doFinal(new byte[] {0, 0, 0, 1});
            byte[] result = round.clone();
            for (int i = 1; i < iterations; i++) {
                round = mac.doFinal(round);
                for (int j = 0; j < result.length; j++) {
                    result[j] ^= round[j];
                }
            }
            return result;
        } catch (GeneralSecurityException absent) {
            throw new IllegalStateException("this Java has no HmacSHA256", absent);
        }
    }

    static byte[] clientKey(byte[] saltedPassword) {
        return ScramFunctions.clientKey(MECHANISM, saltedPassword);
    }

    static byte[] serverKey(byte[] saltedPassword) {
        return ScramFunctions.serverKey(MECHANISM, saltedPassword);
    }

    static byte[] storedKey(byte[] clientKey) {
        return ScramFunctions.storedKey(MECHANISM, clientKey);
    }

    /** ClientSignature or ServerSignature, by whose key it is. */
    static byte[] signature(byte[] key, byte[] authMessage) {
        return ScramFunctions.hmac(MECHANISM, key, authMessage);
    }

    static byte[] xor(byte[] left, byte[] right) {
        byte[] result = left.clone();
        for (int i = 0; i < result.length; i++) {
            result[i] ^= right[i];
        }
        return result;
    }

    static byte[] sha256(byte[]... parts) {
        return digest("SHA-256", parts);
    }

    static byte[] digest(String algorithm, byte[]... parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance(algorithm);
            for (byte[] part : parts) {
                digest.update(part);
            }
            return digest.digest();
        } catch (GeneralSecurityException absent) {
            throw new IllegalStateException("this Java has no " + algorithm, absent);
        }
    }
}
