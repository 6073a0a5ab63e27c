package io.walrelay.proxy.standby;

import io.walrelay.proxy.state.DelayCounts;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;

/** Counts durations in buckets that double, from 1 µs to some 17 s. Thread-safe and cheap; a percentile is right within a factor of two. */
public final class DelayHistogram implements DelayCounts {

    private static final int BUCKETS = 25;

    private final AtomicLongArray counts = new AtomicLongArray(BUCKETS);
    private final LongAdder nanos = new LongAdder();

    void record(long delayNanos) {
        long micros = Math.max(delayNanos, 0) / 1_000;
        int bucket = Math.min(64 - Long.numberOfLeadingZeros(micros), BUCKETS - 1);
        counts.incrementAndGet(bucket);
        nanos.add(Math.max(delayNanos, 0));
    }

    @Override
    public int buckets() {
        return BUCKETS;
    }

    @Override
    public Duration upperBound(int i) {
        return Duration.ofNanos(1_000L << i);
    }

    @Override
    public long count(int i) {
        return counts.get(i);
    }

    public long count() {
        long all = 0;
        for (int i = 0; i < BUCKETS; i++) {
            all += counts.get(i);
        }
        return all;
    }

    @Override
    public Duration sum() {
        return Duration.ofNanos(nanos.sum());
    }

    /** The bound that the given part of all durations stays under, 0.99 for instance; zero while nothing was counted. */
    public Duration percentile(double part) {
        long all = count();
        long reached = 0;
        for (int i = 0; i < BUCKETS; i++) {
            reached += counts.get(i);
            if (all > 0 && reached >= part * all) {
                return upperBound(i);
            }
        }
        return Duration.ZERO;
    }
}
