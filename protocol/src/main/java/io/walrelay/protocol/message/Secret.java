package io.walrelay.protocol.message;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;

/** Bytes of an authentication exchange. Compared by value in constant time; never printed. */
public final class Secret {

    private final byte[] bytes;

    private Secret(byte[] bytes) {
        this.bytes = bytes;
    }

    public static Secret of(byte[] bytes) {
        return new Secret(bytes.clone());
    }

    public static Secret utf8(String text) {
        return new Secret(text.getBytes(StandardCharsets.UTF_8));
    }

    /** A copy. */
    public byte[] bytes() {
        return bytes.clone();
    }

    public String utf8() {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    public int length() {
        return bytes.length;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Secret that && MessageDigest.isEqual(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return "(%d bytes)".formatted(bytes.length);
    }
}
