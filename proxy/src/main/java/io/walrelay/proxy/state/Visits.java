package io.walrelay.proxy.state;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The last {@link Visit} of each name, of the newest few hundred names. Thread-safe. */
public final class Visits {

    private static final int REMEMBERED = 256;

    private final Map<String, Visit> last = new LinkedHashMap<>();

    public synchronized void note(Visit visit) {
        last.remove(visit.name());
        last.put(visit.name(), visit);
        if (last.size() > REMEMBERED) {
            last.remove(last.keySet().iterator().next());
        }
    }

    /** It streams, so that its earlier visits tell nothing any more. */
    public synchronized void streams(String name) {
        last.remove(name);
    }

    /** @param name application_name or address */
    public synchronized Optional<Visit> find(String name) {
        return Optional.ofNullable(last.get(name));
    }
}
