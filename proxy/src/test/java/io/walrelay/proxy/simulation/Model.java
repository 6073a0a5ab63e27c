package io.walrelay.proxy.simulation;

/**
 * What a tree is made of. Times are nanoseconds.
 *
 * @param fanOut how many a relay feeds: the root relays, a relay of the second level standbys
 * @param loops threads of a relay that write, each to its share of the sessions
 * @param writeTime what a write to one session takes
 * @param restPerWork how much longer than a pass took a loop rests (Pacer)
 * @param longestRest what a loop rests at most: 1 s / standbys.max-write-rate
 * @param relayTime the mean of what else passes between a relay's receiving WAL and offering it, distributed exponentially
 * @param networkTime one way, from machine to machine
 * @param bandwidth of each machine's link, bytes per second
 * @param messages WAL messages per second from the primary, at random intervals (exponential); 0: just those of {@link Tree#message}
 * @param messageBytes of WAL in each
 */
record Model(
        int fanOut,
        int loops,
        long writeTime,
        int restPerWork,
        long longestRest,
        long relayTime,
        long networkTime,
        long bandwidth,
        int messages,
        int messageBytes) {

    static final long MICROSECOND = 1_000;
    static final long MILLISECOND = 1_000 * MICROSECOND;
    static final long SECOND = 1_000 * MILLISECOND;

    /**
     * As measured, docs/benchmark.md: a relay with no other reader adds 0.89 ms in the median, which as an exponential distribution has a mean of 1.28 ms; with 190 readers on
     * two loops it adds 19.3 ms at the 99th percentile, which this model does on one machine when a write takes 40 µs (the report says what it does).
     */
    static final Model MEASURED = new Model(
            100, 2, 40 * MICROSECOND, 9, SECOND / 100, 1_280 * MICROSECOND, MILLISECOND / 2, 1_250_000_000, 500, 2_000);

    /** All on one machine, as it was measured. */
    Model onOneMachine() {
        return new Model(fanOut, loops, writeTime, restPerWork, longestRest, relayTime, 0, Long.MAX_VALUE / SECOND, messages, messageBytes);
    }

    /** Nanoseconds that {@code bytes} take on a link. */
    long linkTime(long bytes) {
        return Math.ceilDiv(bytes * SECOND, bandwidth);
    }

    /** Bytes of WAL per second. */
    long rate() {
        return (long) messages * messageBytes;
    }
}
