package io.walrelay.proxy.state;

import java.net.URI;
import java.time.Instant;
import java.util.Optional;

/**
 * What stays the same while the process runs and its reports show.
 *
 * @param version the relay's own
 * @param url by which others reach its HTTP port, when it is told
 * @param advertised its PostgreSQL port as others reach it, in libpq's form, without a user, when it is told
 * @param conninfo the same for hints: where it listens when it is not told
 */
public record ProcessFacts(String version, Instant started, Optional<URI> url, Optional<String> advertised, String conninfo) {}
