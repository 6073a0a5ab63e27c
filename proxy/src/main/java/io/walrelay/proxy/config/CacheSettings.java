package io.walrelay.proxy.config;

import java.time.Duration;

/**
 * How much WAL the relay keeps, and where.
 *
 * @param memory the shared tail in memory, off the Java heap
 * @param disk the most that segment files may take; at least {@link #leastDisk}
 * @param keep how long WAL stays although nobody needs it any more, while there is room
 */
public record CacheSettings(ByteSize memory, ByteSize disk, Duration keep, OnFull onFull) {

    /** In fewer, the limit would free what was just written: some are being filled, prepared or flushed at any time. */
    private static final int LEAST_SEGMENTS = 8;

    /** The least that {@code disk} may be for WAL in such segments. Known once upstream is, so later than everything else. */
    public static ByteSize leastDisk(ByteSize segment) {
        return new ByteSize(LEAST_SEGMENTS * segment.bytes());
    }

    /** What gives way when {@code disk} is reached and all of it is needed. */
    public enum OnFull {
        /** The slot that holds the most loses its WAL: the primary comes first. */
        DROP_SLOTS,
        /** The relay stops reading, and WAL gathers on the primary. */
        HOLD_UPSTREAM
    }
}
