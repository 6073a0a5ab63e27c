package io.walrelay.protocol.command;

import io.walrelay.protocol.message.Diagnostic;

/** A replication command that is refused as it was written. The session goes on after the {@link #diagnostic} was sent. */
public final class CommandError extends RuntimeException {

    private static final long serialVersionUID = 1L;
    private static final int MAX_EXCERPT = 100;

    private final transient Diagnostic diagnostic;

    public CommandError(Diagnostic diagnostic) {
        // Without a stack trace: the diagnostic says all, and a stranger's bytes must not buy expensive work.
        super(diagnostic.toString(), null, false, false);
        this.diagnostic = diagnostic;
    }

    public Diagnostic diagnostic() {
        return diagnostic;
    }

    static CommandError syntax(String message) {
        return new CommandError(Diagnostic.error("42601", message));
    }

    static CommandError syntax(String message, String detail) {
        return new CommandError(Diagnostic.error("42601", message).withDetail(detail));
    }

    /** As elog(ERROR) in walsender.c, which PostgreSQL reports as an internal error. */
    static CommandError unrecognizedOption(String name) {
        return new CommandError(Diagnostic.error("XX000", "unrecognized option: " + excerpt(name)));
    }

    /** As much of what a client wrote as belongs into an error. */
    static String excerpt(String written) {
        return written.length() <= MAX_EXCERPT ? written : written.substring(0, MAX_EXCERPT) + "…";
    }
}
