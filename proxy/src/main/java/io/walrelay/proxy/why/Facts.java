package io.walrelay.proxy.why;

import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.HotStandbyNeeds;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.proxy.state.Visit;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What is known of one standby at a moment, and of the relay.
 *
 * @param name by which it was asked for: application_name, slot, or address
 * @param session its session; the newest, if it has several
 * @param slot its slot: the session's, the one that it asked for, or one of its name
 * @param refused how it was sent away the last time, if it has not streamed since; then how somebody was who called himself so and did not log in
 * @param end where the relay's WAL ends; empty while it has none
 * @param needs what the log asks of hot standbys; empty while the relay has none
 * @param notSynchronised why its slot sync worker is refused, if it is
 * @param notReady what is wrong with the relay, by kind
 * @param archiveProblem why the archive can't be used now
 * @param toRewind how many blocks a rewind of it has to fetch, at least, if it has diverged and the relay has the WAL that says so
 * @param visit when it last came and left without asking for a stream
 * @param paused whether an operator has paused it
 * @param relay where the relay is reached
 */
public record Facts(
        String name,
        Instant now,
        Optional<StandbyStatus> session,
        Optional<SlotStatus> slot,
        List<Refusal> refused,
        Optional<EndOfWal> end,
        Optional<HotStandbyNeeds> needs,
        Optional<String> notSynchronised,
        UpstreamStatus upstream,
        Map<String, String> notReady,
        Optional<String> archiveProblem,
        OptionalLong toRewind,
        Optional<Visit> visit,
        boolean paused,
        Addresses relay) {

    /** Whether anything was ever heard of it. */
    boolean isKnown() {
        return session.isPresent() || slot.isPresent() || !refused.isEmpty() || visit.isPresent();
    }
}
