package io.walrelay.proxy.upstream;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * Pauses that double from the first to the last, each drawn from its upper half, so that relays that lost one upstream at one time do
 * not come back at one time. Confined to one thread.
 */
final class Backoff {

    private final Duration first;
    private final Duration last;
    private final RandomGenerator random;
    private Duration next;

    Backoff(Duration first, Duration last, RandomGenerator random) {
        this.first = first;
        this.last = last;
        this.random = random;
        this.next = first;
    }

    Duration next() {
        Duration full = next;
        Duration doubled = full.multipliedBy(2);
        next = doubled.compareTo(last) < 0 ? doubled : last;
        long half = full.toNanos() / 2;
        return Duration.ofNanos(half + random.nextLong(half + 1));
    }

    /** It went well: the next failure is a first one. */
    void reset() {
        next = first;
    }
}
