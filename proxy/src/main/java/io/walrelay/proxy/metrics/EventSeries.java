package io.walrelay.proxy.metrics;

import io.walrelay.proxy.state.Event.Severity;
import io.walrelay.proxy.state.Events;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** How many events there were, by kind. */
final class EventSeries {

    /**
     * Shown from the start, when there was none yet: a counter that begins at 1 has not increased, for Prometheus, and nobody would be alerted to the
     * first fork.
     */
    private static final List<Events.Kind> ALERTED = List.of(
            new Events.Kind(Severity.WARNING, "fork"),
            new Events.Kind(Severity.ERROR, "acknowledged-orphaned"),
            new Events.Kind(Severity.ERROR, "wal-gap"),
            new Events.Kind(Severity.ERROR, "wal-damaged"),
            new Events.Kind(Severity.WARNING, "wal-damaged"),
            new Events.Kind(Severity.WARNING, "wal-mended"),
            new Events.Kind(Severity.ERROR, "slot-lost"),
            new Events.Kind(Severity.WARNING, "slot-inactive"),
            new Events.Kind(Severity.ERROR, "archive-conflict"),
            new Events.Kind(Severity.ERROR, "archive-gap"),
            new Events.Kind(Severity.WARNING, "disk-over-limit"),
            new Events.Kind(Severity.ERROR, "disk-full"));

    private EventSeries() {}

    static void add(Families families, Events events) {
        Map<Events.Kind, Long> counts = new HashMap<>(events.counts());
        ALERTED.forEach(kind -> counts.putIfAbsent(kind, 0L));
        Families.Counter series = families.counter("events", "Events by kind and severity since the start");
        counts.forEach((kind, count) -> series.at(count, "kind", kind.name(), "severity", kind.severity().name().toLowerCase(Locale.ROOT)));
        series.done();
    }
}
