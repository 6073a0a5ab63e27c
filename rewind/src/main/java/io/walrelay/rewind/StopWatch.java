package io.walrelay.rewind;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** How long each step took. Confined to one thread. */
final class StopWatch {

    private final Map<String, Duration> times = new LinkedHashMap<>();
    private long since = System.nanoTime();

    /** A step ends here, and began where the one before ended; or a part of one that was done in several. */
    void done(String step) {
        long now = System.nanoTime();
        times.merge(step, Duration.ofNanos(now - since), Duration::plus);
        since = now;
    }

    /** In the order in which they were begun. */
    Map<String, Duration> times() {
        return Collections.unmodifiableMap(new LinkedHashMap<>(times));
    }
}
