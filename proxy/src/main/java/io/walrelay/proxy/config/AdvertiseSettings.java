package io.walrelay.proxy.config;

import io.walrelay.protocol.message.Secret;
import java.net.URI;
import java.util.Optional;

/**
 * How others reach the relay, where that differs from what it listens on: used in hints and commands to paste.
 *
 * @param conninfo its PostgreSQL port, in libpq's form
 * @param url its HTTP port
 */
public record AdvertiseSettings(Optional<Secret> conninfo, Optional<URI> url) {}
