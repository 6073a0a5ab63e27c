package io.walrelay.proxy.config;

import java.time.Duration;
import java.util.List;

/**
 * How standbys are served.
 *
 * @param aheadWait how long one that asks for a position ahead of the relay is kept waiting for it
 * @param maxWriteRate at most how many times a second an asynchronous one is written to
 * @param stopTimeout how long a shutdown waits for them to receive what is left
 * @param maxSessions at a time: as many as there is memory for, up to {@link #MOST_SESSIONS}
 * @param named what holds for single ones; each name once
 */
public record StandbySettings(Duration aheadWait, int maxWriteRate, Duration stopTimeout, int maxSessions, List<NamedStandby> named) {

    public StandbySettings {
        named = List.copyOf(named);
    }

    public static final int MOST_SESSIONS = 1_000;

    /** What a session holds at most, outside the heap, whose standby takes nothing. */
    public static final ByteSize SESSION_MEMORY = ByteSize.parse("768kB");
}
