package io.walrelay.proxy.http;

import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.config.TlsSettings;
import java.util.Optional;

/**
 * Who may use the port, decided from what is known of one request.
 *
 * <p>With tokens or client certificates configured, one of them is needed, from this machine too. With neither, only this
 * machine may; that it is loopback does not mean that its user asked: a page in its browser can send requests here under a
 * name of its own (DNS rebinding), so the name that was asked for has to be loopback as well.
 */
final class Access {

    private final HttpSettings settings;

    Access(HttpSettings settings) {
        this.settings = settings;
    }

    /** The answer to "may it?". */
    sealed interface Decision {
        record Granted() implements Decision {}

        /** Who is it? 401. */
        record Unknown(String reason) implements Decision {}

        /** Not this one. 403. */
        record Forbidden(String reason) implements Decision {}
    }

    /**
     * What a request shows of itself.
     *
     * @param changes whether it wants to change something
     * @param loopback whether it comes from this machine
     * @param host the header Host
     * @param authorization the header Authorization
     * @param certified whether TLS verified a client certificate
     */
    record Request(boolean changes, boolean loopback, Optional<String> host, Optional<String> authorization, boolean certified) {}

    private static final String SCHEME = "Bearer ";

    Decision decide(Request request) {
        boolean certificates = settings.tls().flatMap(TlsSettings::clientCa).isPresent();
        if (certificates && request.certified()) {
            return new Decision.Granted();
        }
        if (!settings.tokens().isEmpty()) {
            return byToken(request);
        }
        if (certificates) {
            return new Decision.Forbidden("expected a client certificate signed by http.tls.client-ca");
        }
        return settings.insecure() ? new Decision.Granted() : byAddress(request);
    }

    private Decision byToken(Request request) {
        String header = request.authorization().orElse("");
        if (!header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
            return new Decision.Unknown("no token; expected the header Authorization: Bearer TOKEN with one of http.tokens");
        }
        Optional<HttpSettings.Token> token = find(Secret.utf8(header.substring(SCHEME.length()).strip()));
        if (token.isEmpty()) {
            return new Decision.Unknown("unknown token; expected one of http.tokens");
        }
        return token.get().readOnly() && request.changes()
                ? new Decision.Forbidden("the token is read-only; expected one that may change things")
                : new Decision.Granted();
    }

    /** Compares with every token, found or not, so that the time it takes says nothing. */
    private Optional<HttpSettings.Token> find(Secret given) {
        Optional<HttpSettings.Token> found = Optional.empty();
        for (HttpSettings.Token token : settings.tokens()) {
            boolean same = token.token().equals(given);
            found = same ? Optional.of(token) : found;
        }
        return found;
    }

    private static Decision byAddress(Request request) {
        if (!request.loopback()) {
            return new Decision.Forbidden(
                    "without http.tokens or http.tls.client-ca only this machine may ask; expected a connection from a loopback address");
        }
        return request.host().map(Access::isLoopback).orElse(true)
                ? new Decision.Granted()
                : new Decision.Forbidden("without http.tokens or http.tls.client-ca the header Host has to be localhost, 127.0.0.1 or [::1]");
    }

    private static boolean isLoopback(String host) {
        try {
            return HostPort.parse(host.matches(".*:\\d+") ? host : host + ":80").isLoopback();
        } catch (IllegalArgumentException e) {
            return false; // Whatever it is, it is not loopback.
        }
    }
}
