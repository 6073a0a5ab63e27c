package io.walrelay.proxy.auth;

import java.time.Duration;
import java.time.Instant;

/** For how long a server that failed is left alone: a second at first, twice as long after each failure. Confined to its owner. */
final class Pause {

    private static final Duration FIRST = Duration.ofSeconds(1);
    private static final Duration LONGEST = Duration.ofSeconds(30);

    private Duration length = FIRST;
    private Instant began = Instant.MIN;
    private Instant until = Instant.MIN;
    private String reason = "";

    void failed(Instant now, String why) {
        began = now;
        until = now.plus(length);
        Duration doubled = length.multipliedBy(2);
        length = doubled.compareTo(LONGEST) < 0 ? doubled : LONGEST;
        reason = why;
    }

    void over() {
        length = FIRST;
        until = Instant.MIN;
    }

    /** A clock that was set back ends it. */
    boolean holds(Instant now) {
        return now.isBefore(until) && !now.isBefore(began);
    }

    String reason() {
        return reason;
    }
}
