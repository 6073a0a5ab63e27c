package io.walrelay.proxy.config;

import java.time.Duration;

/**
 * How much WAL the relay keeps, and where.
 *
 * @param memory the shared tail in memory, off the Java heap
 * @param disk the most that segment files may take
 * @param keep how long WAL stays although nobody needs it any more, while there is room
 */
public record CacheSettings(ByteSize memory, ByteSize disk, Duration keep, OnFull onFull) {

    /** What gives way when {@code disk} is reached and all of it is needed. */
    public enum OnFull {
        /** The slot that holds the most loses its WAL: the primary comes first. */
        DROP_SLOTS,
        /** The relay stops reading, and WAL gathers on the primary. */
        HOLD_UPSTREAM
    }
}
