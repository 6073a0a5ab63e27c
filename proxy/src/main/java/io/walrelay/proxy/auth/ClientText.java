package io.walrelay.proxy.auth;

import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Text that somebody chose who need not be trusted, made fit for a log line, a metric's label or a page. */
public final class ClientText {

    /** NAMEDATALEN - 1. */
    private static final int MAX_NAME = 63;

    private static final int MAX_PRINTED = 1_000;

    private ClientText() {}

    /** Control characters, and those that reorder or end a line elsewhere, as <code>&#92;u000a</code>; the rest as it is, up to a length. */
    public static String printable(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().limit(MAX_PRINTED).forEach(c -> {
            switch (Character.getType(c)) {
                case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
                    out.append(String.format(Locale.ROOT, "\\u%04x", c));
                default -> out.appendCodePoint(c);
            }
        });
        return out.toString();
    }

    /** As PostgreSQL 16 shows it: bytes that are not printable ASCII escaped, then cut to the length of a name (string.c, pg_clean_ascii). */
    public static String applicationName(String given) {
        StringBuilder out = new StringBuilder();
        for (byte b : given.getBytes(StandardCharsets.UTF_8)) {
            if (b >= 32 && b < 127) {
                out.append((char) b);
            } else {
                out.append(String.format(Locale.ROOT, "\\x%02x", b));
            }
        }
        return out.substring(0, Math.min(out.length(), MAX_NAME));
    }
}
