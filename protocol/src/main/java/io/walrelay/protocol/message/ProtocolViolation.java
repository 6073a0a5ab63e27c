package io.walrelay.protocol.message;

/**
 * A peer that broke the protocol. After it the stream has no meaning any more: whoever catches it tells the peer the
 * {@link #diagnostic} where a message can still be sent, and closes the connection.
 */
public final class ProtocolViolation extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** SQLSTATE protocol_violation (errcodes.txt). */
    public static final String SQLSTATE = "08P01";

    private final transient Diagnostic diagnostic;

    /** A violation with SQLSTATE 08P01. */
    public ProtocolViolation(String message) {
        this(Diagnostic.fatal(SQLSTATE, message));
    }

    /** A violation with SQLSTATE 08P01 whose detail says what came and what was expected. */
    public ProtocolViolation(String message, String detail) {
        this(Diagnostic.fatal(SQLSTATE, message).withDetail(detail));
    }

    public ProtocolViolation(Diagnostic diagnostic) {
        // Without a stack trace: the diagnostic says all, and a stranger's bytes must not buy expensive work.
        super(diagnostic.toString(), null, false, false);
        this.diagnostic = diagnostic;
    }

    public Diagnostic diagnostic() {
        return diagnostic;
    }
}
