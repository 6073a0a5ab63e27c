package io.walrelay.proxy.config;

import io.walrelay.proxy.auth.Hba;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The PostgreSQL port.
 *
 * @param unix the directory of the port's Unix-domain socket, if it has one, too
 * @param hba who may connect and how; unless configured, only loopback, by scram-sha-256
 * @param users where password verifiers come from
 * @param forwardAs who clients are upstream whose sessions go on there
 */
public record ListenSettings(
        HostPort address, Optional<Path> unix, Optional<TlsSettings> tls, Hba hba, UserSource users, ForwardAs forwardAs) {

    /** These, with what {@code later} says of keys that a reload takes up: who may come in, and the certificates. */
    ListenSettings takeUp(ListenSettings later) {
        return new ListenSettings(address, unix, later.tls, later.hba, users, forwardAs);
    }
}
