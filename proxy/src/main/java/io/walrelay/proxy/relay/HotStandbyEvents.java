package io.walrelay.proxy.relay;

import io.walrelay.cache.HotStandbyNeeds.Parameters;
import io.walrelay.cache.HotStandbyWatch;
import io.walrelay.proxy.state.Events;
import io.walrelay.wal.format.ServerParameters;
import io.walrelay.wal.format.WalLevel;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Says what changes in the log that standbys depend on, before they get there. */
record HotStandbyEvents(Events events) implements HotStandbyWatch.Listener {

    static final String CHANGED = "parameter-change";
    static final String LOWERED = "wal-level-lowered";

    @Override
    public void parametersChanged(Optional<Parameters> before, Parameters now) {
        if (before.isEmpty()) {
            events.info(CHANGED, "from %s on the primary's settings are: %s".formatted(now.at(), list(now.values().settings())));
            return;
        }
        ServerParameters old = before.get().values();
        String change = "at %s the primary's settings change: %s".formatted(
                now.at(), now.values().differencesFrom(old).stream().map(ServerParameters.Difference::toString).collect(Collectors.joining(", ")));
        Map<String, Integer> raised = now.values().raisedFrom(old);
        if (raised.isEmpty()) {
            events.info(CHANGED, change);
        } else {
            events.warning(CHANGED, "%s. A hot standby must have %s or more before it replays that position: one that has less pauses there (14 and later), or shuts down (13), until it is restarted with \"%s\""
                    .formatted(change, list(raised), alter(raised)));
        }
        walLevel(now, old.walLevel(), now.values().walLevel());
    }

    private void walLevel(Parameters now, WalLevel before, WalLevel after) {
        if (after.compareTo(before) >= 0) {
            return;
        }
        switch (after) {
            case MINIMAL -> events.error(LOWERED, "at %s the primary's wal_level went from %s to minimal: standbys and recoveries from an archive end there, and what follows may not be whole. Make a new base backup, and standbys from it"
                    .formatted(now.at(), before.setting()));
            case REPLICA, LOGICAL -> events.warning(LOWERED, "at %s the primary's wal_level went from %s to %s: logical slots on standbys (16 and later) are invalidated there"
                    .formatted(now.at(), before.setting(), after.setting()));
        }
    }

    private static String list(Map<String, ?> settings) {
        return settings.entrySet().stream().map(s -> "%s = %s".formatted(s.getKey(), s.getValue())).collect(Collectors.joining(", "));
    }

    private static String alter(Map<String, Integer> raised) {
        return raised.entrySet().stream().map(s -> "ALTER SYSTEM SET %s = %d".formatted(s.getKey(), s.getValue())).collect(Collectors.joining("; "));
    }
}
