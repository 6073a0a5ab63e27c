package io.walrelay.protocol.handshake;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * libpq's {@code require_auth} (fe-connect.c, check_expected_areq in fe-auth.c): the methods by which a server may authenticate the client.
 *
 * @param text as it was given, for messages; empty allows everything
 */
public record RequireAuth(String text, Set<Method> allowed) {

    /** {@code gss} and {@code sspi} are known but never come about: they are not spoken here. */
    public enum Method {
        PASSWORD,
        MD5,
        GSS,
        SSPI,
        SCRAM_SHA_256,
        /** The server asks for nothing, or never finishes what it asked. */
        NONE;

        private static Optional<Method> named(String name) {
            for (Method method : values()) {
                if (method.name().toLowerCase(Locale.ROOT).replace('_', '-').equals(name)) {
                    return Optional.of(method);
                }
            }
            return Optional.empty();
        }
    }

    public static final RequireAuth ANYTHING = new RequireAuth("", EnumSet.allOf(Method.class));

    public RequireAuth {
        allowed = Set.copyOf(allowed);
    }

    /**
     * Reads a list such as {@code scram-sha-256,md5} or {@code !password,!none}.
     *
     * @throws IllegalArgumentException for an unknown method, one named twice, or a list of both kinds; in libpq's words
     */
    public static RequireAuth parse(String text) {
        if (text.isEmpty()) {
            return ANYTHING;
        }
        boolean negated = text.startsWith("!");
        Set<Method> named = EnumSet.noneOf(Method.class);
        for (String item : text.split(",", -1)) {
            if (item.startsWith("!") != negated) {
                throw new IllegalArgumentException(
                        negated
                                ? "require_auth method \"%s\" cannot be mixed with negative methods".formatted(item)
                                : "negative require_auth method \"%s\" cannot be mixed with non-negative methods".formatted(item));
            }
            String name = negated ? item.substring(1) : item;
            Method method = Method.named(name)
                    .orElseThrow(() -> new IllegalArgumentException(
                            "invalid require_auth value: \"%s\"; expected password, md5, gss, sspi, scram-sha-256 or none"
                                    .formatted(item)));
            if (!named.add(method)) {
                throw new IllegalArgumentException("require_auth method \"%s\" is specified more than once".formatted(item));
            }
        }
        return new RequireAuth(text, negated ? EnumSet.complementOf(EnumSet.copyOf(named)) : named);
    }

    boolean allows(Method method) {
        return allowed.contains(method);
    }

    String failure(String reason) {
        return "authentication method requirement \"%s\" failed: %s".formatted(text, reason);
    }
}
