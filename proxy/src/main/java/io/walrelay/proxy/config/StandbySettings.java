package io.walrelay.proxy.config;

import java.time.Duration;

/**
 * How standbys are served.
 *
 * @param aheadWait how long one that asks for a position ahead of the relay is kept waiting for it
 * @param maxWriteRate at most how many times a second an asynchronous one is written to
 * @param stopTimeout how long a shutdown waits for them to receive what is left
 */
public record StandbySettings(Duration aheadWait, int maxWriteRate, Duration stopTimeout) {}
