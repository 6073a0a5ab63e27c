package io.walrelay.proxy.state;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The last refusal of each standby that has not streamed since. Names are those that clients give themselves, before they have proved
 * anything: the newest few hundred are remembered. Thread-safe.
 */
public final class RefusedStandbys {

    private static final int REMEMBERED = 256;

    private final Map<String, Refusal> last = new LinkedHashMap<>();

    public synchronized void note(Refusal refusal) {
        last.remove(refusal.name());
        last.put(refusal.name(), refusal);
        if (last.size() > REMEMBERED) {
            last.remove(last.keySet().iterator().next());
        }
    }

    /** It streams: what was before is over. */
    public synchronized void streams(String name) {
        last.remove(name);
    }

    /** @param name application_name, address or slot */
    public synchronized Optional<Refusal> find(String name) {
        Refusal refusal = last.get(name);
        return refusal != null
                ? Optional.of(refusal)
                : last.values().stream().filter(r -> r.slot().equals(Optional.of(name))).reduce((_, later) -> later);
    }
}
