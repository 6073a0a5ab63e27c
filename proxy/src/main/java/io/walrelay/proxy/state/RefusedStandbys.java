package io.walrelay.proxy.state;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The last refusals of standbys that have not streamed since: of those who had logged in, and of strangers, apart. Names are those that clients give
 * themselves, so a stranger must not take the place of somebody known. The newest few hundred of each are remembered. Thread-safe.
 */
public final class RefusedStandbys {

    private static final int REMEMBERED = 256;

    private final Map<String, Refusal> known = new LinkedHashMap<>();
    private final Map<String, Refusal> strangers = new LinkedHashMap<>();
    private final Map<Refusal.Reason, Long> counts = new EnumMap<>(Refusal.Reason.class);

    public RefusedStandbys() {
        for (Refusal.Reason reason : Refusal.Reason.values()) {
            counts.put(reason, 0L);
        }
    }

    public synchronized void note(Refusal refusal) {
        counts.merge(refusal.reason(), 1L, Long::sum);
        Map<String, Refusal> last = refusal.reason() == Refusal.Reason.LOGIN ? strangers : known;
        last.remove(refusal.name());
        last.put(refusal.name(), refusal);
        if (last.size() > REMEMBERED) {
            last.remove(last.keySet().iterator().next());
        }
    }

    /** How many there were for each reason since the start. */
    public synchronized Map<Refusal.Reason, Long> counts() {
        return Map.copyOf(counts);
    }

    /** The last refusal of each who had logged in and has not streamed since, the newest last; a few hundred at most. */
    public synchronized List<Refusal> known() {
        return List.copyOf(known.values());
    }

    /** It streams: what was before is over. */
    public synchronized void streams(String name) {
        known.remove(name);
        strangers.remove(name);
    }

    /** At most so many, the newest first; of those who had logged in before strangers. */
    public synchronized List<Refusal> newest(int most) {
        return Stream.concat(List.copyOf(known.values()).reversed().stream(), List.copyOf(strangers.values()).reversed().stream()).limit(most).toList();
    }

    /**
     * @param name application_name, address or slot
     * @return of who had logged in first; at most one of either
     */
    public synchronized List<Refusal> find(String name) {
        Optional<Refusal> byName = Optional.ofNullable(known.get(name));
        Optional<Refusal> bySlot = known.values().stream().filter(r -> r.slot().equals(Optional.of(name))).reduce((_, later) -> later);
        return Stream.concat(byName.or(() -> bySlot).stream(), Optional.ofNullable(strangers.get(name)).stream()).toList();
    }
}
