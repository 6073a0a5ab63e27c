package io.walrelay.proxy.upstream;

import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.state.Events;
import java.time.Duration;
import java.util.Optional;

/** What the host that is followed expects of a standby: whether commits wait for us, and how often it wants to hear of us. Confined to the control thread. */
final class CommitWaits {

    private final Events events;
    private final Duration longest;
    private final String applicationName;
    private final AcknowledgePolicy policy;
    private volatile Optional<String> problem = Optional.empty();

    /** @param longest between two reports, where the host does not want more of them */
    CommitWaits(Events events, Duration longest, String applicationName, AcknowledgePolicy policy) {
        this.events = events;
        this.longest = longest;
        this.applicationName = applicationName;
        this.policy = policy;
    }

    /** Takes over what a look at the host has shown. */
    void refresh(HostProbe probe, WalStream stream) {
        boolean waits = probe.waitsFor(applicationName);
        stream.synchronous(waits);
        boolean waitsForApply = waits && "remote_apply".equals(probe.settings().get("synchronous_commit"));
        Optional<String> now = Optional.of(("%s has synchronous_commit = remote_apply and waits for \"%s\": a relay applies nothing, so commits may wait for ever."
                                + " Let upstream.acknowledge name standbys, or set synchronous_commit = on")
                        .formatted(probe.report().host(), applicationName))
                .filter(_ -> waitsForApply && !policy.waitsForStandbys());
        if (problem.isEmpty()) {
            now.ifPresent(text -> events.warning("remote-apply", text));
        }
        problem = now;
    }

    /** Why commits wait for ever. Any thread. */
    Optional<String> problem() {
        return problem;
    }

    Duration reportEvery(HostProbe probe) {
        return probe.senderTimeout().map(t -> t.dividedBy(3)).filter(t -> t.isPositive() && t.compareTo(longest) < 0).orElse(longest);
    }
}
