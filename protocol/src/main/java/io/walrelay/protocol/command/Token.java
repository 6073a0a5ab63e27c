package io.walrelay.protocol.command;

import io.walrelay.wal.Lsn;
import java.util.Locale;
import java.util.Set;

/** A token of a replication command (PostgreSQL: repl_scanner.l). */
sealed interface Token {

    /** How the token was written, for errors. */
    String written();

    /** An identifier or keyword, as it was written. */
    record Word(String written) implements Token {

        private static final Set<String> KEYWORDS = Set.of(
                "BASE_BACKUP",
                "IDENTIFY_SYSTEM",
                "READ_REPLICATION_SLOT",
                "SHOW",
                "TIMELINE",
                "START_REPLICATION",
                "CREATE_REPLICATION_SLOT",
                "DROP_REPLICATION_SLOT",
                "ALTER_REPLICATION_SLOT",
                "TIMELINE_HISTORY",
                "PHYSICAL",
                "RESERVE_WAL",
                "LOGICAL",
                "SLOT",
                "TEMPORARY",
                "TWO_PHASE",
                "EXPORT_SNAPSHOT",
                "NOEXPORT_SNAPSHOT",
                "USE_SNAPSHOT",
                "WAIT",
                "UPLOAD_MANIFEST");

        /**
         * Whether it stands where {@code keyword} may stand. PostgreSQL knows keywords in upper case only; here either
         * does, so that what people type by hand works too.
         */
        boolean is(String keyword) {
            return written.equalsIgnoreCase(keyword);
        }

        /** Whether PostgreSQL's scanner gives a keyword for it; a slot may be called {@code wait}, but not {@code WAIT}. */
        boolean isKeyword() {
            return KEYWORDS.contains(written);
        }

        /** Its value as an identifier. Only ASCII letters change, as in scansup.c for a multibyte encoding. */
        String folded() {
            StringBuilder folded = new StringBuilder(written.length());
            written.chars().forEach(c -> folded.append((char) (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c)));
            return folded.toString();
        }
    }

    /** An identifier in double quotes. */
    record QuotedWord(String value) implements Token {
        @Override
        public String written() {
            return '"' + value.replace("\"", "\"\"") + '"';
        }
    }

    /** A string in single quotes. */
    record Text(String value) implements Token {
        @Override
        public String written() {
            return "'" + value.replace("'", "''") + "'";
        }
    }

    /** Decimal digits. */
    record Digits(String written) implements Token {}

    record Position(Lsn lsn) implements Token {
        @Override
        public String written() {
            return lsn.toString();
        }
    }

    /** Any other character. */
    record Symbol(char value) implements Token {
        @Override
        public String written() {
            return value < ' ' ? String.format(Locale.ROOT, "\\x%02X", (int) value) : String.valueOf(value);
        }
    }

    record End() implements Token {
        @Override
        public String written() {
            return "";
        }
    }
}
