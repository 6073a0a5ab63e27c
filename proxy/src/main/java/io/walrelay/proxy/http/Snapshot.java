package io.walrelay.proxy.http;

import io.walrelay.proxy.state.Refusal;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * All that the dashboard shows of one moment but events, which it has from the same stream.
 *
 * @param status without events
 * @param refused standbys that were sent away and have not streamed since, the newest first
 */
record Snapshot(StatusReport status, List<TierReport> tiers, List<TimelineReport> timelines, List<Refused> refused) {

    /** More are of no use on a page; who asks for one by name ({@code why}) gets any. */
    static final int MOST_REFUSED = 64;

    /**
     * @param reason login, slot, diverged, ahead, removed or unreadable
     * @param said what it was told; for login the names in it may be anybody's
     */
    record Refused(Instant at, String reason, String name, Optional<String> slot, String address, String said) {

        static Refused of(Refusal refusal) {
            return new Refused(
                    refusal.at(), refusal.reason().name().toLowerCase(Locale.ROOT), refusal.name(), refusal.slot(), refusal.address(), refusal.said().message());
        }
    }
}
