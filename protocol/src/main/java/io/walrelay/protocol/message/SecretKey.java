package io.walrelay.protocol.message;

/** The key that a CancelRequest must show: 4 bytes, or 1 to 256 from protocol 3.2 on. */
public record SecretKey(Secret value) {

    public static final int MAX_LENGTH = 256;

    public SecretKey {
        if (value.length() < 1 || value.length() > MAX_LENGTH) {
            throw new IllegalArgumentException("a cancel key of %d bytes; expected 1 to 256".formatted(value.length()));
        }
    }
}
