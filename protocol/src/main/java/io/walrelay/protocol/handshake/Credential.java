package io.walrelay.protocol.handshake;

import java.util.Optional;
import java.util.function.Supplier;

/** What a client proves with that it is who it says. Prints no secrets. */
public sealed interface Credential {

    /** {@code ask} is called at most once a handshake, and only when the server wants a password. */
    record Password(Supplier<Optional<String>> ask) implements Credential {}

    /** For SCRAM-SHA-256 alone, on a server that has the verifier that the keys belong to. */
    record Keys(ScramKeys keys) implements Credential {}
}
