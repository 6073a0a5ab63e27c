package io.walrelay.proxy.slotsync;

import java.time.Duration;

/** How long to wait before upstream's slots are looked at again (slotsync.c, wait_for_slot_activity). */
public final class Nap {

    public static final Duration SHORTEST = Duration.ofMillis(200);
    public static final Duration LONGEST = Duration.ofSeconds(30);

    private Nap() {}

    /**
     * @param before the last one
     * @param moved whether anything had moved by its end
     */
    public static Duration after(Duration before, boolean moved) {
        Duration twice = before.multipliedBy(2);
        return moved ? SHORTEST : twice.compareTo(LONGEST) < 0 ? twice : LONGEST;
    }
}
