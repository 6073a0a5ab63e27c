package io.walrelay.proxy.http;

import io.walrelay.cache.index.Changes.ManagerStatistics;
import io.walrelay.proxy.state.Refusal;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * All that the dashboard shows of one moment but events, which it has from the same stream.
 *
 * @param status without events
 * @param managers whose the WAL is that came since the start of the relay
 * @param refused standbys that were sent away and have not streamed since, the newest first
 */
record Snapshot(StatusReport status, List<Manager> managers, List<TierReport> tiers, List<TimelineReport> timelines, List<Refused> refused) {

    /** More are of no use on a page; who asks for one by name ({@code why}) gets any. */
    static final int MOST_REFUSED = 64;

    /** @param bytes of the records, their images of pages among them */
    record Manager(String name, long bytes, long imageBytes) {

        static Manager of(ManagerStatistics manager) {
            return new Manager(manager.resourceManager(), manager.bytes(), manager.imageBytes());
        }
    }

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
