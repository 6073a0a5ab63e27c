package io.walrelay.proxy.config;

import io.walrelay.proxy.conninfo.Conninfo;
import java.net.URI;
import java.util.Map;
import java.util.Optional;

/**
 * How others reach the relay, where that differs from what it listens on: used in hints and commands to paste.
 *
 * @param conninfo its PostgreSQL port, in libpq's form
 * @param url its HTTP port
 */
public record AdvertiseSettings(Optional<Conninfo> conninfo, Optional<URI> url) {

    /** Its hosts count; who connects is for each standby to say. */
    static final Map<String, String> ANY_USER = Map.of("PGUSER", "standby");
}
