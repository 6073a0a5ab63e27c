package io.walrelay.proxy.config;

import io.walrelay.proxy.auth.Hba;
import java.util.Optional;

/**
 * The PostgreSQL port.
 *
 * @param hba who may connect and how; unless configured, only loopback, by scram-sha-256
 * @param users where password verifiers come from
 * @param forwardAs who clients are upstream whose sessions go on there
 */
public record ListenSettings(HostPort address, Optional<TlsSettings> tls, Hba hba, UserSource users, ForwardAs forwardAs) {}
