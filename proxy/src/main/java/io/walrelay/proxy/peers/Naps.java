package io.walrelay.proxy.peers;

import java.time.Duration;

/** How long to rest between two questions: 200 ms to 30 s, doubling while nothing moves (slotsync.c, wait_for_slot_activity). */
record Naps(Duration next) {

    private static final Duration SHORTEST = Duration.ofMillis(200);
    private static final Duration LONGEST = Duration.ofSeconds(30);

    static final Naps SHORT = new Naps(SHORTEST);

    Naps after(boolean moved) {
        Duration twice = next.multipliedBy(2);
        return moved ? SHORT : new Naps(twice.compareTo(LONGEST) > 0 ? LONGEST : twice);
    }
}
