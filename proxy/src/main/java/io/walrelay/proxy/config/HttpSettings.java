package io.walrelay.proxy.config;

import io.walrelay.protocol.message.Secret;
import java.util.List;
import java.util.Optional;

/**
 * The HTTP port.
 *
 * @param tokens bearer tokens; with none, and no client certificates, everybody who reaches the port may use it
 * @param insecure that the operator accepts this on an address other than loopback
 */
public record HttpSettings(HostPort address, Optional<TlsSettings> tls, List<Token> tokens, boolean insecure) {

    public HttpSettings {
        tokens = List.copyOf(tokens);
    }

    /** These, with what {@code later} says of keys that a reload takes up: who may come in, and the certificates. */
    HttpSettings takeUp(HttpSettings later) {
        return new HttpSettings(address, later.tls, later.tokens, later.insecure);
    }

    /** A bearer token. {@code readOnly} ones may look and fetch, but change nothing. */
    public record Token(Secret token, boolean readOnly) {

        /** The word that marks one that may not change anything. */
        static final String READ_ONLY = "read-only";
    }
}
