package io.walrelay.protocol.message;

import java.util.Optional;

/**
 * The fields of an ErrorResponse or NoticeResponse that this project reads and writes.
 *
 * @param severity not localized: ERROR, FATAL, PANIC, WARNING, NOTICE…
 * @param sqlState five characters (errcodes.txt)
 * @param message one line
 */
public record Diagnostic(String severity, String sqlState, String message, Optional<String> detail, Optional<String> hint) {

    public static Diagnostic error(String sqlState, String message) {
        return new Diagnostic("ERROR", sqlState, message, Optional.empty(), Optional.empty());
    }

    public static Diagnostic fatal(String sqlState, String message) {
        return new Diagnostic("FATAL", sqlState, message, Optional.empty(), Optional.empty());
    }

    public Diagnostic withDetail(String text) {
        return new Diagnostic(severity, sqlState, message, Optional.of(text), hint);
    }

    public Diagnostic withHint(String text) {
        return new Diagnostic(severity, sqlState, message, detail, Optional.of(text));
    }

    /** As psql prints it, on one line. */
    @Override
    public String toString() {
        return "%s: %s (%s)".formatted(severity, message, sqlState)
                + detail.map(" DETAIL: "::concat).orElse("")
                + hint.map(" HINT: "::concat).orElse("");
    }
}
