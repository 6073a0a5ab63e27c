package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.Diagnostic;
import java.io.Serial;

/** A cursor over a SCRAM message of a client, with the errors of auth-scram.c. Each char is one byte of the message. */
final class ScramAttributes {

    /** The message breaks the grammar, or asks for what is not supported. Never leaves {@link ScramExchange}. */
    static final class Refusal extends Exception {
        @Serial
        private static final long serialVersionUID = 1L;

        private final transient Diagnostic diagnostic;

        Refusal(Diagnostic diagnostic) {
            super(diagnostic.message(), null, false, false);
            this.diagnostic = diagnostic;
        }

        Diagnostic diagnostic() {
            return diagnostic;
        }
    }

    /** Stands for the end of the message, as the zero byte does in C. */
    static final char END = 0;

    private final String message;
    private int position;

    ScramAttributes(String message) {
        this.message = message;
    }

    char peek() {
        return position < message.length() ? message.charAt(position) : END;
    }

    int position() {
        return position;
    }

    void skip() {
        position++;
    }

    String rest() {
        return message.substring(Math.min(position, message.length()));
    }

    void comma() throws Refusal {
        if (peek() != ',') {
            throw malformed("Comma expected, but found character \"%s\".".formatted(sanitized(peek())));
        }
        skip();
    }

    /** The value of attribute {@code name}, which has to be next. */
    String value(char name) throws Refusal {
        if (peek() != name) {
            throw malformed("Expected attribute \"%c\" but found \"%s\".".formatted(name, sanitized(peek())));
        }
        return value();
    }

    /** The value of whatever attribute is next. */
    String value() throws Refusal {
        char name = peek();
        if (name == END) {
            throw malformed("Attribute expected, but found end of string.");
        }
        if (!(name >= 'A' && name <= 'Z') && !(name >= 'a' && name <= 'z')) {
            throw malformed("Attribute expected, but found invalid character \"%s\".".formatted(sanitized(name)));
        }
        skip();
        if (peek() != '=') {
            throw malformed("Expected character \"=\" for attribute \"%c\".".formatted(name));
        }
        skip();
        int comma = message.indexOf(',', position);
        int end = comma < 0 ? message.length() : comma;
        String value = message.substring(position, end);
        position = comma < 0 ? end : comma + 1;
        return value;
    }

    static Refusal malformed(String detail) {
        return new Refusal(Diagnostic.fatal("08P01", "malformed SCRAM message").withDetail(detail));
    }

    static boolean isPrintable(String value) {
        return value.chars().allMatch(c -> c >= 0x21 && c <= 0x7E && c != ',');
    }

    /** What a stranger sends may be shown only as printable ASCII. */
    static String sanitized(char c) {
        return c >= 0x21 && c <= 0x7E ? "'%c'".formatted(c) : "0x%02x".formatted((int) c);
    }

    static String sanitized(String value) {
        StringBuilder text = new StringBuilder();
        value.chars().limit(30).forEach(c -> text.append(c >= 0x21 && c <= 0x7E ? (char) c : '?'));
        return text.toString();
    }
}
