package io.walrelay.proxy.standby;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Keeps the log readable while somebody comes again and again: the same line is written once a minute, and how often it was left out since.
 * The newest thousand lines are remembered. Thread-safe.
 */
final class Repeats {

    static final Duration WITHIN = Duration.ofMinutes(1);

    private static final int REMEMBERED = 1024;

    private record Written(Instant at, int leftOutSince) {}

    private final InstantSource clock;
    private final Map<String, Written> lines = new LinkedHashMap<>();

    Repeats(InstantSource clock) {
        this.clock = clock;
    }

    /** How often the line was left out since it was written last, when it is to be written now; empty when it is not. */
    synchronized OptionalInt write(String line) {
        Instant now = clock.instant();
        Written last = lines.get(line);
        // A clock that was set back must not silence it for as long.
        if (last != null && !now.isBefore(last.at()) && now.isBefore(last.at().plus(WITHIN))) {
            lines.put(line, new Written(last.at(), last.leftOutSince() + 1));
            return OptionalInt.empty();
        }
        lines.remove(line);
        lines.put(line, new Written(now, 0));
        if (lines.size() > REMEMBERED) {
            Iterator<String> oldest = lines.keySet().iterator();
            oldest.next();
            oldest.remove();
        }
        return OptionalInt.of(last == null ? 0 : last.leftOutSince());
    }
}
