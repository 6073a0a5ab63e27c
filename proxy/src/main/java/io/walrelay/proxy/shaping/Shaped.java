package io.walrelay.proxy.shaping;

import java.time.Duration;
import java.util.Optional;

/**
 * What holds for one standby.
 *
 * @param delay how long after its commit a transaction is sent
 * @param bytesPerSecond at most
 */
public record Shaped(String name, Optional<Duration> delay, Optional<Long> bytesPerSecond, Word word) {}
