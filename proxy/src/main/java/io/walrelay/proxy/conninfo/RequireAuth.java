package io.walrelay.proxy.conninfo;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which ways to authenticate the server may ask for: libpq's require_auth.
 *
 * @param negated whether {@code methods} are those that are not accepted
 * @param methods libpq's words; {@code none} stands for a server that asks for nothing
 */
public record RequireAuth(boolean negated, Set<String> methods) {

    public static final Set<String> WORDS = Set.of("password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none");

    /** Everything goes. */
    public static final RequireAuth ANY = new RequireAuth(true, Set.of());

    public RequireAuth {
        methods = Set.copyOf(methods);
    }

    public boolean allows(String method) {
        return methods.contains(method) != negated;
    }

    static RequireAuth parse(String value, List<String> problems) {
        Set<String> methods = new TreeSet<>();
        boolean negated = value.startsWith("!");
        for (String word : value.split(",", -1)) {
            String method = word.startsWith("!") ? word.substring(1) : word;
            if (!WORDS.contains(method)) {
                problems.add("invalid require_auth value: \"%s\"; expected words of %s, each or none with ! before it".formatted(word, new TreeSet<>(WORDS)));
            } else if (word.startsWith("!") != negated) {
                problems.add(
                        negated
                                ? "require_auth method \"%s\" cannot be mixed with negative methods".formatted(word)
                                : "negative require_auth method \"%s\" cannot be mixed with non-negative methods".formatted(word));
            } else if (!methods.add(method)) {
                problems.add("require_auth method \"%s\" is specified more than once".formatted(word));
            }
        }
        return new RequireAuth(negated, methods);
    }
}
