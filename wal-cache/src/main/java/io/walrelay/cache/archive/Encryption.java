package io.walrelay.cache.archive;

import com.google.crypto.tink.subtle.AesGcmHkdfStreaming;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.InvalidAlgorithmParameterException;
import java.util.Base64;
import java.util.HexFormat;

/**
 * AES-256 in GCM, in blocks of 64 kB, each of which is authenticated with its place and whether it is the last: what is read is what was
 * written, from the beginning and to the end, or an error (Tink's streaming AEAD, AES-GCM-HKDF). The header in front is authenticated too.
 */
public final class Encryption {

    static final String NAME = "aes-256-gcm";

    private static final int KEY_BYTES = 32;
    private static final int BLOCK = 64 << 10;

    private final AesGcmHkdfStreaming cipher;
    private final String keyId;

    private Encryption(byte[] key) {
        try {
            this.cipher = new AesGcmHkdfStreaming(key, "HmacSha256", KEY_BYTES, BLOCK, 0);
        } catch (InvalidAlgorithmParameterException e) {
            throw new IllegalStateException("AES-256 with these parameters is always possible", e);
        }
        this.keyId = idOf(key);
    }

    /**
     * Reads a key of 32 bytes: 64 hexadecimal digits, or base64, or the bytes themselves.
     *
     * @throws IllegalArgumentException when the file holds none
     */
    public static Encryption withKeyFrom(Path file) throws IOException {
        return new Encryption(key(file, Files.readAllBytes(file)));
    }

    private static byte[] key(Path file, byte[] content) {
        if (content.length == KEY_BYTES) {
            return content;
        }
        String text = new String(content, StandardCharsets.US_ASCII).strip();
        if (text.matches("[0-9A-Fa-f]{64}")) {
            return HexFormat.of().parseHex(text);
        }
        if (text.matches("[A-Za-z0-9+/]{43}=")) {
            return Base64.getDecoder().decode(text);
        }
        throw new IllegalArgumentException(
                "no key in %s: %d bytes; expected 64 hexadecimal digits, for instance by: openssl rand -hex 32".formatted(file, content.length));
    }

    private static String idOf(byte[] key) {
        var sha = ObjectIdentity.Checksum.newSha256();
        sha.update("walrelay archive key".getBytes(StandardCharsets.US_ASCII));
        return HexFormat.of().formatHex(sha.digest(key), 0, 4);
    }

    /** Tells keys apart and says nothing else of them. */
    String keyId() {
        return keyId;
    }

    OutputStream encrypting(OutputStream out, byte[] header) throws IOException {
        try {
            return cipher.newEncryptingStream(out, header);
        } catch (GeneralSecurityException e) {
            throw new IOException("could not encrypt", e);
        }
    }

    InputStream decrypting(InputStream in, byte[] header) throws IOException {
        try {
            return cipher.newDecryptingStream(in, header);
        } catch (GeneralSecurityException e) {
            throw new IOException("could not decrypt", e);
        }
    }
}
