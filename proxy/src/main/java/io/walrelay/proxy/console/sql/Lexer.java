package io.walrelay.proxy.console.sql;

import io.walrelay.proxy.console.sql.SqlToken.Kind;
import java.util.ArrayList;
import java.util.List;

/** Cuts a query into tokens (PostgreSQL: scan.l), strings with escapes and dollar quotes left out. */
final class Lexer {

    /** Longest first. */
    private static final List<String> SYMBOLS = List.of(
            "::", "<=", ">=", "<>", "!=", "||", "=>", "(", ")", ",", ";", ".", "+", "-", "*", "/", "%", "=", "<", ">", "[", "]", ":", "^", "|", "&", "~", "!", "#", "@", "?");

    private final String text;
    private final List<SqlToken> tokens = new ArrayList<>();
    private int at;
    /** Characters before {@code counted}, which is an index into the text. */
    private int characters;
    private int counted;

    private Lexer(String text) {
        this.text = text;
    }

    /**
     * The tokens of {@code text}, with an END behind the last.
     *
     * @throws SqlError 42601 when something is not closed or no token
     */
    static List<SqlToken> tokens(String text) {
        Lexer lexer = new Lexer(text);
        while (lexer.skipSpace()) {
            lexer.next();
        }
        lexer.add(Kind.END, "", text.length());
        return List.copyOf(lexer.tokens);
    }

    private void next() {
        char c = text.charAt(at);
        if (c == '\'') {
            quoted(Kind.STRING, "string");
        } else if (c == '"') {
            quoted(Kind.QUOTED_WORD, "identifier");
        } else if (isWordStart(c)) {
            word();
        } else if (isDigit(c) || (c == '.' && at + 1 < text.length() && isDigit(text.charAt(at + 1)))) {
            number();
        } else if (c == '$') {
            parameter();
        } else {
            symbol();
        }
    }

    /** Steps over space and comments; whether something follows. */
    private boolean skipSpace() {
        while (at < text.length()) {
            if (isSpace(text.charAt(at))) {
                at++;
            } else if (text.startsWith("--", at)) {
                int end = text.indexOf('\n', at);
                at = end < 0 ? text.length() : end;
            } else if (text.startsWith("/*", at)) {
                skipComment();
            } else {
                return true;
            }
        }
        return false;
    }

    /** Comments may be nested, as in the standard. */
    private void skipComment() {
        int begin = at;
        int depth = 0;
        do {
            if (text.startsWith("/*", at)) {
                depth++;
                at += 2;
            } else if (text.startsWith("*/", at)) {
                depth--;
                at += 2;
            } else if (at < text.length()) {
                at++;
            } else {
                throw unterminated("/* comment", begin);
            }
        } while (depth > 0);
    }

    private void quoted(Kind kind, String what) {
        String quote = text.substring(at, at + 1);
        int end = text.indexOf(quote, at + 1);
        // Doubled it is one, and not the end.
        while (end >= 0 && text.startsWith(quote, end + 1)) {
            end = text.indexOf(quote, end + 2);
        }
        if (end < 0) {
            throw unterminated("quoted " + what, at);
        }
        String value = text.substring(at + 1, end).replace(quote + quote, quote);
        if (kind == Kind.QUOTED_WORD && value.isEmpty()) {
            throw new SqlError("42601", "zero-length delimited identifier at or near \"\"\"\"").at(character(at));
        }
        add(kind, value, end + 1);
    }

    private SqlError unterminated(String what, int begin) {
        return new SqlError("42601", "unterminated %s at or near \"%s\"".formatted(what, SqlError.excerpt(text.substring(begin)))).at(character(begin));
    }

    private void word() {
        int end = at;
        while (end < text.length() && (isWordStart(text.charAt(end)) || isDigit(text.charAt(end)) || text.charAt(end) == '$')) {
            end++;
        }
        if (end < text.length() && text.charAt(end) == '\'') {
            throw SqlError.unsupported("a string that begins with " + SqlError.excerpt(text.substring(at, end + 1))).at(character(at));
        }
        add(Kind.WORD, folded(text.substring(at, end)), end);
    }

    private void number() {
        int end = digits(at);
        boolean decimal = end < text.length() && text.charAt(end) == '.';
        if (decimal) {
            end = digits(end + 1);
        }
        int exponent = end;
        if (exponent < text.length() && (text.charAt(exponent) | 0x20) == 'e') {
            exponent++;
            if (exponent < text.length() && (text.charAt(exponent) == '+' || text.charAt(exponent) == '-')) {
                exponent++;
            }
            if (digits(exponent) > exponent) {
                end = digits(exponent);
                decimal = true;
            }
        }
        if (end < text.length() && isWordStart(text.charAt(end))) {
            throw new SqlError("42601", "trailing junk after numeric literal at or near \"%s\"".formatted(SqlError.excerpt(text.substring(at, end + 1)))).at(character(at));
        }
        add(decimal ? Kind.DECIMAL : Kind.INTEGER, text.substring(at, end), end);
    }

    private void parameter() {
        int end = digits(at + 1);
        if (end == at + 1) {
            throw SqlError.unsupported("dollar quoting").at(character(at));
        }
        add(Kind.PARAMETER, text.substring(at + 1, end), end);
    }

    private void symbol() {
        for (String symbol : SYMBOLS) {
            if (text.startsWith(symbol, at)) {
                add(Kind.SYMBOL, symbol, at + symbol.length());
                return;
            }
        }
        int c = text.codePointAt(at);
        String shown = c < ' ' || c == 0x7F ? "\\x%02X".formatted(c) : Character.toString(c);
        throw new SqlError("42601", "syntax error at or near \"%s\"".formatted(shown)).at(character(at));
    }

    private void add(Kind kind, String value, int end) {
        tokens.add(new SqlToken(kind, value, character(at), text.substring(at, end)));
        at = end;
    }

    /** The number of the character at {@code index}, from 1 on. Asked for in rising order, so that all together costs one pass. */
    private int character(int index) {
        if (index < counted) {
            return text.codePointCount(0, index) + 1;
        }
        characters += text.codePointCount(counted, index);
        counted = index;
        return characters + 1;
    }

    private int digits(int from) {
        int end = from;
        while (end < text.length() && isDigit(text.charAt(end))) {
            end++;
        }
        return end;
    }

    /** Only ASCII letters change, as in scansup.c for a multibyte encoding. */
    private static String folded(String word) {
        StringBuilder folded = new StringBuilder(word.length());
        word.chars().forEach(c -> folded.append((char) (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c)));
        return folded.toString();
    }

    private static boolean isSpace(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static boolean isWordStart(char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c >= 0x80;
    }
}
