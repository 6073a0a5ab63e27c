package io.walrelay.proxy.state;

import java.time.Instant;

/**
 * What stays the same while the process runs and its reports show.
 *
 * @param version the relay's own
 * @param maxRetained bytes of WAL that one slot may hold back before it is lost
 */
public record ProcessFacts(String version, Instant started, long maxRetained) {}
