package io.walrelay.proxy.state;

import java.time.Instant;

/** Something that an operator should hear of. {@code kind} is stable and fit for a metric label: {@code fork}, {@code slot-lost}. */
public record Event(Instant at, Severity severity, String kind, String text) {

    public enum Severity {
        INFO,
        WARNING,
        ERROR
    }
}
