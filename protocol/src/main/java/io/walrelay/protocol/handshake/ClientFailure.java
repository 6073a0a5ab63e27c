package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.Diagnostic;

/** Why a client's handshake failed, by what can be done about it. */
public sealed interface ClientFailure {

    /** One line for the log. */
    String reason();

    /** Connect to the same host again, the other way: {@code sslmode} says that it may do. */
    record Retry(SslMode.Attempt next, String reason) implements ClientFailure {}

    /** The server refused the login itself: SQLSTATE class 28. The same credentials will not do better. */
    record LoginRefused(Diagnostic diagnostic) implements ClientFailure {
        @Override
        public String reason() {
            return diagnostic.toString();
        }
    }

    /** The server refused for another reason: starting up, shutting down, too many connections, no such database. */
    record ServerRefused(Diagnostic diagnostic) implements ClientFailure {
        @Override
        public String reason() {
            return diagnostic.toString();
        }
    }

    /** The server, or somebody between, does not give what the configuration demands. Nothing secret was given away. */
    record Untrusted(String reason) implements ClientFailure {}

    /** The server wants a password and there is none. */
    record NoPassword(String reason) implements ClientFailure {}

    /** The server does not speak the protocol as it should. */
    record Violation(String reason) implements ClientFailure {}
}
