package io.walrelay.proxy.acknowledge;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A word of a text like synchronous_standby_names (syncrep_scanner.l).
 *
 * @param text a name without its quotes, else as written
 */
public record NameToken(Kind kind, String text) {

    /** What a word is. Keywords are plain names; a number may also be a name. */
    public enum Kind {
        NAME,
        QUOTED,
        NUMBER,
        STAR,
        COMMA,
        OPEN,
        CLOSE
    }

    private static final Pattern TOKEN = Pattern.compile(
            "\\s*(?:\"(?<quoted>(?:[^\"]|\"\")+)\"|(?<name>[A-Za-z_\\x{80}-\\x{10ffff}][A-Za-z0-9_$\\x{80}-\\x{10ffff}]*)|(?<number>[0-9]+)|(?<sign>[*,()]))\\s*");

    /** All of {@code text}, which may be blank; empty when there is something in it that is no word. */
    public static Optional<List<NameToken>> allOf(String text) {
        List<NameToken> tokens = new ArrayList<>();
        Matcher token = TOKEN.matcher(text);
        int at = 0;
        while (at < text.length() && token.find(at) && token.start() == at) {
            at = token.end();
            tokens.add(of(token));
        }
        return at < text.length() && !text.isBlank() ? Optional.empty() : Optional.of(List.copyOf(tokens));
    }

    private static NameToken of(Matcher token) {
        if (token.group("quoted") != null) {
            return new NameToken(Kind.QUOTED, token.group("quoted").replace("\"\"", "\""));
        }
        if (token.group("name") != null) {
            return new NameToken(Kind.NAME, token.group("name"));
        }
        if (token.group("number") != null) {
            return new NameToken(Kind.NUMBER, token.group("number"));
        }
        String sign = token.group("sign");
        return new NameToken(
                switch (sign) {
                    case "*" -> Kind.STAR;
                    case "," -> Kind.COMMA;
                    case "(" -> Kind.OPEN;
                    default -> Kind.CLOSE;
                },
                sign);
    }

    /** Whether it can stand for a server: a name in any form, or all of them. */
    public boolean isName() {
        return switch (kind) {
            case NAME, QUOTED, NUMBER, STAR -> true;
            case COMMA, OPEN, CLOSE -> false;
        };
    }

    /** {@code name} as it has to be written to be read again as one. */
    static String written(String name) {
        return name.matches("[A-Za-z_][A-Za-z0-9_$]*") ? name : '"' + name.replace("\"", "\"\"") + '"';
    }
}
