package io.walrelay.cache.verify;

import java.util.concurrent.atomic.AtomicLong;

/** How far a verification is, for whoever watches it. Thread-safe. */
public final class Progress {

    private final AtomicLong read = new AtomicLong();
    private final AtomicLong expected = new AtomicLong();

    /** Bytes that were read, as they are when they are plain. */
    public long read() {
        return read.get();
    }

    /** About how many there are; 0 before that is known. */
    public long expected() {
        return expected.get();
    }

    void read(long bytes) {
        read.addAndGet(bytes);
    }

    void expect(long bytes) {
        expected.set(bytes);
    }
}
