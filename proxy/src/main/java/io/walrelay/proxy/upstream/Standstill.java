package io.walrelay.proxy.upstream;

import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamStatus.State;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;
import java.util.Optional;

/** That somebody has to decide, or that no upstream was seen yet: says so until it is over. Confined to the control thread. */
final class Standstill {

    private static final String UPSTREAM = "upstream";

    private final RelayState relay;
    private final LinkStatus status;
    private String reason = "";

    Standstill(RelayState relay, LinkStatus status) {
        this.relay = relay;
        this.status = status;
    }

    void nothingYet() {
        relay.setNotReady(UPSTREAM, "no upstream was seen yet");
    }

    /** Each reason is an event once. */
    void begin(Stop stop) {
        relay.setNotReady(UPSTREAM, stop.readiness());
        status.become(State.STOPPED, Optional.empty(), Optional.of(stop.toString()));
        if (!reason.equals(stop.reason())) {
            reason = stop.reason();
            relay.events().error("upstream-stopped", stop.toString());
        }
    }

    void over() {
        reason = "";
        relay.clearNotReady(UPSTREAM);
    }
}
