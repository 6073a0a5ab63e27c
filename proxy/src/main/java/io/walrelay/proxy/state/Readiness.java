package io.walrelay.proxy.state;

import io.walrelay.cache.WalCache;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Whether standbys should be sent here: the relay has WAL to serve and nothing speaks against it. That upstream is away does
 * not, by itself: what is held can be served, and standbys that wait here go on without a reconnect when it is back.
 *
 * @param reasons why not, by kind; empty when ready
 */
public record Readiness(Map<String, String> reasons) {

    /** The reason of a relay that holds nothing yet. */
    static final String NO_WAL = "no-wal";

    public static Readiness of(RelayState relay) {
        Map<String, String> reasons = new LinkedHashMap<>();
        Optional<WalCache> cache = relay.cache();
        if (cache.isEmpty()) {
            reasons.put(NO_WAL, "the relay has no WAL yet: it has not streamed from an upstream so far");
        } else if (nothingSinceItBegan(cache.get())) {
            reasons.put(NO_WAL, "the relay has no WAL yet: nothing came since it began at " + cache.get().end().written());
        }
        reasons.putAll(relay.notReady());
        return new Readiness(reasons);
    }

    /** A gap in what is held ends where a beginning was made. */
    private static boolean nothingSinceItBegan(WalCache cache) {
        return cache.gaps().stream().anyMatch(gap -> gap.to().equals(cache.end().written()));
    }

    public boolean ready() {
        return reasons.isEmpty();
    }
}
