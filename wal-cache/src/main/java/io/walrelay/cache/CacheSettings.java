package io.walrelay.cache;

import io.walrelay.cache.slot.SlotLimits;
import java.time.Duration;

/**
 * How much the relay keeps.
 *
 * @param memory bytes of the newest WAL in memory
 * @param disk bytes that segment files may occupy
 * @param keep how long WAL is kept though nobody needs it
 * @param slots how much slots may keep, and for how long without a standby
 * @param holdUpstream whether to stop reading upstream rather than give up a slot's WAL
 */
public record CacheSettings(long memory, long disk, Duration keep, SlotLimits slots, boolean holdUpstream) {

    private static final int FETCHED_PART = 8;

    /** Bytes of segments from the archive that are kept, which are part of {@link #disk}. */
    public long fetched() {
        return disk / FETCHED_PART;
    }
}
