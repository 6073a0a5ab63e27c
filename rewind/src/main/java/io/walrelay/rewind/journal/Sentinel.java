package io.walrelay.rewind.journal;

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/**
 * What {@code postgresql.auto.conf} holds while a directory is half changed: one line that no server gets past, postmaster and
 * {@code --single}, and that says in its log what to run. It includes a file whose name is that text, and which can't exist:
 * no directory is named so (PostgreSQL: guc-file.l).
 */
final class Sentinel {

    private static final String BEGINNING = "include '/UNFINISHED REWIND, run: ";
    private static final Pattern PLAIN_WORD = Pattern.compile("[\\p{L}\\p{N}_/.,:=+@%-]+");

    private Sentinel() {}

    static byte[] of(Home home) {
        return (text(home) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /** The line. */
    static String text(Home home) {
        // Escaped twice: the shell's way, for who pastes it, then as a string of a configuration file.
        return BEGINNING + escape(home.command()) + "'";
    }

    /** Whether it is one, for whichever directory: that may have been moved. */
    static boolean isSentinel(byte[] configuration) {
        return new String(configuration, StandardCharsets.UTF_8).startsWith(BEGINNING);
    }

    /** {@code text} as one word of a shell. */
    static String word(String text) {
        return PLAIN_WORD.matcher(text).matches() ? text : "'" + text.replace("'", "'\\''") + "'";
    }

    private static String escape(String text) {
        return text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n");
    }
}
