package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;

/** What to do after a host was followed. */
sealed interface FollowOutcome {
    /** Look at the hosts again at once. */
    record Again() implements FollowOutcome {}

    /** Another host has the WAL that this one has removed. */
    record Instead(HostAddress host) implements FollowOutcome {}

    /** It failed in a way that time may mend. */
    record Later(String reason) implements FollowOutcome {}

    /** It streamed, and the connection is gone. */
    record Lost(String reason) implements FollowOutcome {}

    /** The relay had no memory for what came. */
    record NoMemory(String reason) implements FollowOutcome {}

    /** Somebody has to decide. */
    record Decide(Stop stop) implements FollowOutcome {}

    /** Its bytes are not ours: somebody has to decide, and until something changes it is not asked again. */
    record Diverged(Stop stop) implements FollowOutcome {}
}
