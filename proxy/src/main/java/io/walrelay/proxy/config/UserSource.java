package io.walrelay.proxy.config;

import io.walrelay.proxy.conninfo.Conninfo;
import java.nio.file.Path;
import java.util.Optional;

/** Where the relay finds the password verifier of a user who connects to it. */
public sealed interface UserSource {

    /** A file of users and verifiers. */
    record File(Path path) implements UserSource {}

    /**
     * A query on the upstream.
     *
     * @param conninfo whom to ask; without it, the upstream in use with the relay's own role
     * @param query one parameter, the user name; without it, the function that {@code walrelay setup-sql --auth-query} makes
     */
    record AuthQuery(Optional<Conninfo> conninfo, Optional<String> query) implements UserSource {}
}
