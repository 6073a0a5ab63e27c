package io.walrelay.proxy.state;

import java.time.Duration;

/** How often something took how long, in buckets. Thread-safe: read by the metrics while others count. */
public interface DelayCounts {

    int buckets();

    /** What is counted in bucket {@code i} took less than this; the last bucket has all that took longer too. Rises with {@code i}. */
    Duration upperBound(int i);

    long count(int i);

    /** All durations together. */
    Duration sum();
}
