package io.walrelay.proxy.acknowledge;

import io.walrelay.proxy.acknowledge.NameToken.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Reads an {@link AcknowledgePolicy}: the grammar of synchronous_standby_names (syncrep_gram.y), less what is ambiguous there. Used once. */
final class PolicyReader {

    private final String text;
    private final List<NameToken> tokens;
    private int at;

    PolicyReader(String text) {
        this.text = text;
        this.tokens = NameToken.allOf(text).orElseThrow(() -> refusal("a name with other characters than letters, digits, _ and $ has to be in double quotes"));
    }

    AcknowledgePolicy read() {
        AcknowledgePolicy policy = switch (keyword()) {
            case "own" -> new AcknowledgePolicy.Own();
            case "any" -> {
                int count = count();
                yield new AcknowledgePolicy.Any(count, members(count));
            }
            case "first" -> {
                int count = count();
                yield new AcknowledgePolicy.First(count, members(count));
            }
            case "all" -> new AcknowledgePolicy.All(members(1));
            default -> throw refusal("the first word is none of own, any, first and all");
        };
        if (at < tokens.size()) {
            throw refusal("\"%s\" is left at its end".formatted(tokens.get(at).text()));
        }
        return policy;
    }

    private String keyword() {
        return next(Kind.NAME, "a word").toLowerCase(Locale.ROOT);
    }

    private int count() {
        String number = next(Kind.NUMBER, "a number");
        // More than that nobody names.
        return number.length() > 6 ? Integer.MAX_VALUE : Integer.parseInt(number);
    }

    private List<String> members(int count) {
        next(Kind.OPEN, "(");
        List<String> members = new ArrayList<>();
        do {
            members.add(member());
        } while (comma());
        next(Kind.CLOSE, ") or ,");
        Set<String> keys = new HashSet<>();
        for (String member : members) {
            if (!keys.add(AcknowledgePolicy.key(member))) {
                throw refusal("\"%s\" is named twice".formatted(member));
            }
        }
        if (count < 1 || count > members.size()) {
            throw refusal("the number is not one from 1 to %d, as many as standbys are named".formatted(members.size()));
        }
        return members;
    }

    private String member() {
        NameToken token = at < tokens.size() ? tokens.get(at) : new NameToken(Kind.CLOSE, "");
        if (token.kind() == Kind.STAR) {
            throw refusal("* names nobody: who is waited for while away, and whose slot keeps the WAL, has to be known by name");
        }
        if (!token.isName()) {
            throw refusal("the name of a standby is missing");
        }
        at++;
        return token.text();
    }

    private boolean comma() {
        boolean more = at < tokens.size() && tokens.get(at).kind() == Kind.COMMA;
        at += more ? 1 : 0;
        return more;
    }

    private String next(Kind kind, String what) {
        if (at >= tokens.size() || tokens.get(at).kind() != kind) {
            throw refusal("%s is missing %s".formatted(what, at >= tokens.size() ? "at its end" : "before \"%s\"".formatted(tokens.get(at).text())));
        }
        return tokens.get(at++).text();
    }

    private IllegalArgumentException refusal(String why) {
        return new IllegalArgumentException("in \"%s\" %s".formatted(text, why));
    }
}
