package io.walrelay.proxy.shaping;

/** The rate of one standby, shared by all of its streams and of what it fetches by name. Thread-safe. */
public final class RateLimit {

    private static final long MOST_AT_ONCE = 1 << 20;

    private final long bytesPerSecond;
    private TokenBucket bucket;

    RateLimit(long bytesPerSecond) {
        this.bytesPerSecond = bytesPerSecond;
        this.bucket = TokenBucket.full(bytesPerSecond, System.nanoTime());
    }

    public long bytesPerSecond() {
        return bytesPerSecond;
    }

    synchronized long available() {
        return bucket.available(System.nanoTime());
    }

    /** That many bytes are on their way. Returns for how many nanoseconds nothing should follow. */
    public synchronized long take(long bytes) {
        bucket = bucket.take(bytes, System.nanoTime());
        return bucket.nanosInDebt();
    }

    /** As much as may be sent in one piece by those who wait afterwards: a quarter of a second's, so that no client takes the wait for an end. */
    public int piece() {
        return (int) Math.min(bytesPerSecond / 4, MOST_AT_ONCE);
    }
}
