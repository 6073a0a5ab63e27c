package io.walrelay.protocol.command;

import io.walrelay.wal.Lsn;

/**
 * Cuts a replication command into tokens (PostgreSQL: repl_scanner.l). A doubled quote inside quotes is one quote, also in
 * an identifier, where PostgreSQL 18 sees two identifiers. Numbers and positions that do not fit are refused, where
 * PostgreSQL takes their low bits; identifiers are not cut to 63 bytes.
 */
final class CommandScanner {

    private final String text;
    private int at;

    CommandScanner(String text) {
        this.text = text;
    }

    /** @throws CommandError when a quote is not closed, or a position has too many digits */
    Token next() {
        while (at < text.length() && isSpace(text.charAt(at))) {
            at++;
        }
        if (at == text.length()) {
            return new Token.End();
        }
        char c = text.charAt(at);
        int slash = endOf(at, CommandScanner::isHexDigit);
        if (slash > at && slash + 1 < text.length() && text.charAt(slash) == '/' && isHexDigit(text.charAt(slash + 1))) {
            return position(endOf(slash + 1, CommandScanner::isHexDigit));
        }
        if (isDigit(c)) {
            return new Token.Digits(take(endOf(at, CommandScanner::isDigit)));
        }
        if (isWordStart(c)) {
            return new Token.Word(take(endOf(at, CommandScanner::isWordPart)));
        }
        return switch (c) {
            case '\'' -> new Token.Text(quoted(c));
            case '"' -> new Token.QuotedWord(quoted(c));
            default -> new Token.Symbol(take(at + 1).charAt(0));
        };
    }

    private Token position(int end) {
        String written = take(end);
        try {
            return new Token.Position(Lsn.parse(written));
        } catch (IllegalArgumentException _) {
            throw CommandError.syntax(
                    "invalid streaming start location",
                    "%s; expected two hexadecimal numbers of up to 8 digits, like 16/B374D848."
                            .formatted(CommandError.excerpt(written)));
        }
    }

    private String quoted(char quote) {
        StringBuilder value = new StringBuilder();
        for (int i = at + 1; i < text.length(); i++) {
            if (text.charAt(i) != quote) {
                value.append(text.charAt(i));
            } else if (i + 1 < text.length() && text.charAt(i + 1) == quote) {
                value.append(quote);
                i++;
            } else {
                at = i + 1;
                return value.toString();
            }
        }
        throw CommandError.syntax("unterminated quoted string");
    }

    private String take(int end) {
        String taken = text.substring(at, end);
        at = end;
        return taken;
    }

    private interface CharClass {
        boolean has(char c);
    }

    private int endOf(int from, CharClass chars) {
        int end = from;
        while (end < text.length() && chars.has(text.charAt(end))) {
            end++;
        }
        return end;
    }

    private static boolean isSpace(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static boolean isHexDigit(char c) {
        return isDigit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
    }

    private static boolean isWordStart(char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c >= 0x80;
    }

    private static boolean isWordPart(char c) {
        return isWordStart(c) || isDigit(c) || c == '$';
    }
}
