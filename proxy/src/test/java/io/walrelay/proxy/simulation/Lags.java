package io.walrelay.proxy.simulation;

/** How old messages were when they came: a count for each ten microseconds up to five seconds. Confined to one thread. */
final class Lags {

    private static final long STEP = 10 * Model.MICROSECOND;
    private static final int STEPS = 500_000;

    private final long[] counts = new long[STEPS];
    private long all;
    private long longest;

    void add(long nanos) {
        counts[(int) Math.min(nanos / STEP, STEPS - 1)]++;
        all++;
        longest = Math.max(longest, nanos);
    }

    long count() {
        return all;
    }

    /** @param share of the messages that came sooner, or within the same ten microseconds; in nanoseconds, rounded down to ten microseconds */
    long quantile(double share) {
        long left = (long) Math.ceil(share * all);
        for (int i = 0; i < STEPS; i++) {
            left -= counts[i];
            if (left <= 0) {
                return i * STEP;
            }
        }
        return longest;
    }

    long longest() {
        return longest;
    }
}
