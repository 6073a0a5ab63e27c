package io.walrelay.protocol.handshake;

/** libpq's {@code sslmode}: which connections are tried, and in which order (init_allowed_encryption_methods in fe-connect.c). */
public enum SslMode {
    DISABLE(false),
    ALLOW(false),
    PREFER(true),
    REQUIRE(true),
    VERIFY_CA(true),
    VERIFY_FULL(true);

    private final boolean tlsFirst;

    SslMode(boolean tlsFirst) {
        this.tlsFirst = tlsFirst;
    }

    /** What to try first on a host. */
    public Attempt first() {
        return new Attempt(tlsFirst, this != ALLOW && this != PREFER);
    }

    /** Whether a connection without TLS will never do. */
    public boolean demandsTls() {
        return compareTo(REQUIRE) >= 0;
    }

    /**
     * One connection to a host.
     *
     * @param tls ask for TLS
     * @param last when it fails there is no other kind of connection left to try
     */
    public record Attempt(boolean tls, boolean last) {

        Attempt other() {
            return new Attempt(!tls, true);
        }
    }
}
