package io.walrelay.proxy.slotsync;

import java.util.Optional;

/** Does the relay's slot upstream wait for the standby of a slot, so that no logical subscriber gets ahead of that standby? Thread-safe. */
@FunctionalInterface
public interface WaitsFor {

    /** Where what the relay has itself is acknowledged. */
    WaitsFor NOBODY = _ -> Optional.of("upstream.acknowledge is own; expected a policy that always waits for it, such as all (…)");

    /**
     * @param slot one of the relay's
     * @return empty if it always does; else the setting that says otherwise, and what was expected
     */
    Optional<String> whyNot(String slot);
}
