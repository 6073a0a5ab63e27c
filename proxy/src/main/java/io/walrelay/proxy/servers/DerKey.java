package io.walrelay.proxy.servers;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.List;
import java.util.Optional;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import org.jspecify.annotations.Nullable;

/** A client's private key in PKCS #8 (RFC 5958) without PEM around it: libpq takes either, and JDBC drivers have asked for this one. */
final class DerKey {

    private static final List<String> ALGORITHMS = List.of("RSA", "EC", "EdDSA");

    private DerKey() {}

    /**
     * The key in {@code file}; empty when that is text, as PEM is.
     *
     * @param password null when none is given
     */
    static Optional<PrivateKey> read(Path file, @Nullable String password) throws IOException, GeneralSecurityException {
        byte[] bytes = Files.readAllBytes(file);
        if (new String(bytes, StandardCharsets.ISO_8859_1).contains("-----BEGIN ")) {
            return Optional.empty();
        }
        PKCS8EncodedKeySpec spec = password == null ? new PKCS8EncodedKeySpec(bytes) : decrypted(bytes, password);
        for (String algorithm : ALGORITHMS) {
            try {
                return Optional.of(KeyFactory.getInstance(algorithm).generatePrivate(spec));
            } catch (InvalidKeySpecException e) {
                // Another's, perhaps.
            }
        }
        throw new InvalidKeySpecException("no key of %s is in it, or it is encrypted and sslpassword is not given".formatted(String.join(", ", ALGORITHMS)));
    }

    /** One that is not encrypted may have a password given all the same. */
    private static PKCS8EncodedKeySpec decrypted(byte[] bytes, String password) throws GeneralSecurityException {
        EncryptedPrivateKeyInfo info;
        try {
            info = new EncryptedPrivateKeyInfo(bytes);
        } catch (IOException plain) {
            return new PKCS8EncodedKeySpec(bytes);
        }
        Cipher cipher = Cipher.getInstance(info.getAlgName());
        cipher.init(Cipher.DECRYPT_MODE, SecretKeyFactory.getInstance(info.getAlgName()).generateSecret(new PBEKeySpec(password.toCharArray())), info.getAlgParameters());
        return info.getKeySpec(cipher);
    }
}
