package io.walrelay.proxy.console.sql;

import io.walrelay.protocol.message.Diagnostic;

/** A statement that is refused, in PostgreSQL's words and with its code where it has some. The session goes on. */
public final class SqlError extends RuntimeException {

    private static final long serialVersionUID = 1L;
    private static final int MAX_EXCERPT = 100;

    /** Where to read what there is instead. */
    static final String HELP = "SHOW HELP says what the relay's console knows; sessions to any other database go on to upstream";

    private final transient Diagnostic diagnostic;

    public SqlError(Diagnostic diagnostic) {
        // Without a stack trace: the diagnostic says all, and a stranger's bytes must not buy expensive work.
        super(diagnostic.toString(), null, false, false);
        this.diagnostic = diagnostic;
    }

    public SqlError(String sqlState, String message) {
        this(Diagnostic.error(sqlState, message));
    }

    public Diagnostic diagnostic() {
        return diagnostic;
    }

    /** The same at a character of the query, counted from 1, unless it has a position already. */
    SqlError at(int character) {
        return diagnostic.position().isPresent() ? this : new SqlError(diagnostic.at(character));
    }

    SqlError withHint(String hint) {
        return new SqlError(diagnostic.withHint(hint));
    }

    static SqlError unsupported(String what) {
        return new SqlError("0A000", what + " is not supported by the relay's console").withHint(HELP);
    }

    static SqlError invalidInput(SqlType type, String text) {
        return new SqlError("22P02", "invalid input syntax for type %s: \"%s\"".formatted(type, excerpt(text)));
    }

    static SqlError outOfRange(SqlType type) {
        return new SqlError("22003", "%s out of range".formatted(type));
    }

    static SqlError tooMuch(String what) {
        return new SqlError("54000", what);
    }

    /** As much of what a client wrote as belongs into an error. */
    static String excerpt(String written) {
        return written.length() <= MAX_EXCERPT ? written : written.substring(0, MAX_EXCERPT) + "…";
    }
}
