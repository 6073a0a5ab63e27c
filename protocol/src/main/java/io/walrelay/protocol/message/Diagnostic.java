package io.walrelay.protocol.message;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * The fields of an ErrorResponse or NoticeResponse that this project reads and writes.
 *
 * @param severity not localized: ERROR, FATAL, PANIC, WARNING, NOTICE…
 * @param sqlState five characters (errcodes.txt)
 * @param message one line
 * @param position of the cause in the query, in characters from 1 on
 */
public record Diagnostic(
        String severity, String sqlState, String message, Optional<String> detail, Optional<String> hint, OptionalInt position) {

    /** One that points nowhere. */
    public Diagnostic(String severity, String sqlState, String message, Optional<String> detail, Optional<String> hint) {
        this(severity, sqlState, message, detail, hint, OptionalInt.empty());
    }

    public static Diagnostic error(String sqlState, String message) {
        return new Diagnostic("ERROR", sqlState, message, Optional.empty(), Optional.empty());
    }

    public static Diagnostic fatal(String sqlState, String message) {
        return new Diagnostic("FATAL", sqlState, message, Optional.empty(), Optional.empty());
    }

    public Diagnostic withDetail(String text) {
        return new Diagnostic(severity, sqlState, message, Optional.of(text), hint, position);
    }

    public Diagnostic withHint(String text) {
        return new Diagnostic(severity, sqlState, message, detail, Optional.of(text), position);
    }

    public Diagnostic at(int character) {
        return new Diagnostic(severity, sqlState, message, detail, hint, OptionalInt.of(character));
    }

    /** The same with another severity. */
    public Diagnostic as(String other) {
        return new Diagnostic(other, sqlState, message, detail, hint, position);
    }

    /** As psql prints it, on one line. */
    @Override
    public String toString() {
        return "%s: %s (%s)".formatted(severity, message, sqlState)
                + detail.map(" DETAIL: "::concat).orElse("")
                + hint.map(" HINT: "::concat).orElse("");
    }
}
