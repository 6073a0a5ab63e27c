package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.Secret;
import java.util.Optional;

/** What a connection runs over, as far as a handshake has to know. */
public sealed interface Transport {

    /** The ALPN name of PostgreSQL's protocol. */
    String ALPN = "postgresql";

    record Plaintext() implements Transport {}

    /**
     * TLS.
     *
     * @param serverEndPoint channel binding data of type tls-server-end-point (RFC 5929): the hash of the server's certificate. Empty when
     *     the certificate's signature has no hash to take it from (Ed25519): then there is no SCRAM-SHA-256-PLUS
     * @param alpn the protocol that both sides agreed on, if any
     */
    record Tls(Optional<Secret> serverEndPoint, Optional<String> alpn) implements Transport {

        public boolean speaksPostgresql() {
            return alpn.filter(ALPN::equals).isPresent();
        }
    }

    /** The channel binding data, when there are any. */
    default Optional<Secret> channelBinding() {
        return switch (this) {
            case Plaintext() -> Optional.empty();
            case Tls(var serverEndPoint, var _) -> serverEndPoint;
        };
    }
}
