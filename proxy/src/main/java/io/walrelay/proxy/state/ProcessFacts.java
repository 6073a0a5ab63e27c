package io.walrelay.proxy.state;

import java.net.URI;
import java.time.Instant;
import java.util.Optional;

/**
 * What stays the same while the process runs and its reports show.
 *
 * @param version the relay's own
 * @param url by which others reach its HTTP port, when it is told
 * @param maxRetained bytes of WAL that one slot may hold back before it is lost
 */
public record ProcessFacts(String version, Instant started, Optional<URI> url, long maxRetained) {}
