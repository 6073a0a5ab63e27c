package io.walrelay.proxy.shaping;

import java.util.concurrent.TimeUnit;

/**
 * Bytes that may be sent: they come at a rate, and as many as come in a second may gather. What was sent all the same is a debt. Times are
 * System.nanoTime.
 *
 * @param level at {@code at}; negative when there is a debt
 */
record TokenBucket(long bytesPerSecond, long level, long at) {

    private static final double NANOS = TimeUnit.SECONDS.toNanos(1);

    static TokenBucket full(long bytesPerSecond, long now) {
        return new TokenBucket(bytesPerSecond, bytesPerSecond, now);
    }

    long available(long now) {
        double came = Math.max(now - at, 0) / NANOS * bytesPerSecond;
        return (long) Math.min(level + came, bytesPerSecond);
    }

    TokenBucket take(long bytes, long now) {
        return new TokenBucket(bytesPerSecond, available(now) - bytes, Math.max(at, now));
    }

    /** How long from {@code at} until there is no debt. */
    long nanosInDebt() {
        return level >= 0 ? 0 : (long) Math.ceil(-level / (double) bytesPerSecond * NANOS);
    }
}
