package io.walrelay.proxy.state;

import java.time.Clock;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The recent events, newest last: logged once here, and handed to whoever listens. What happens again and again, such as a standby that is sent away
 * each second, pushes out its own kind and not the one fork of the night before. Thread-safe.
 */
public final class Events {

    private static final Logger log = LoggerFactory.getLogger(Events.class);
    private static final int REMEMBERED = 500;

    /** What events are counted by. */
    public record Kind(Event.Severity severity, String name) {
        static Kind of(Event event) {
            return new Kind(event.severity(), event.kind());
        }
    }

    private final Clock clock;
    private final Deque<Event> recent = new ArrayDeque<>();
    private final List<Consumer<Event>> listeners = new ArrayList<>();
    private final Map<Kind, Long> counts = new HashMap<>();
    private final Map<Kind, Integer> remembered = new HashMap<>();

    public Events(Clock clock) {
        this.clock = clock;
    }

    public void info(String kind, String text) {
        add(new Event(clock.instant(), Event.Severity.INFO, kind, text));
    }

    public void warning(String kind, String text) {
        add(new Event(clock.instant(), Event.Severity.WARNING, kind, text));
    }

    public void error(String kind, String text) {
        add(new Event(clock.instant(), Event.Severity.ERROR, kind, text));
    }

    private void add(Event event) {
        switch (event.severity()) {
            case INFO -> log.atInfo().addKeyValue("event", event.kind()).log(event.text());
            case WARNING -> log.atWarn().addKeyValue("event", event.kind()).log(event.text());
            case ERROR -> log.atError().addKeyValue("event", event.kind()).log(event.text());
        }
        Kind kind = Kind.of(event);
        List<Consumer<Event>> told;
        synchronized (recent) {
            recent.addLast(event);
            remembered.merge(kind, 1, Integer::sum);
            if (recent.size() > REMEMBERED) {
                forgetOne();
            }
            counts.merge(kind, 1L, Long::sum);
            told = List.copyOf(listeners);
        }
        told.forEach(l -> l.accept(event));
    }

    /** The oldest of the kind that there is most of. Under the lock. */
    private void forgetOne() {
        Kind most = Collections.max(remembered.entrySet(), Map.Entry.comparingByValue()).getKey();
        Iterator<Event> oldest = recent.iterator();
        while (oldest.hasNext()) {
            if (Kind.of(oldest.next()).equals(most)) {
                oldest.remove();
                break;
            }
        }
        remembered.merge(most, -1, Integer::sum);
    }

    /** How many there were of each kind since the start. */
    public Map<Kind, Long> counts() {
        synchronized (recent) {
            return Map.copyOf(counts);
        }
    }

    public List<Event> recent() {
        synchronized (recent) {
            return List.copyOf(recent);
        }
    }

    /**
     * From now on {@code listener} is called on the thread that reports an event; it must be quick.
     *
     * @return the events before the first that the listener is called for
     */
    public List<Event> listen(Consumer<Event> listener) {
        synchronized (recent) {
            listeners.add(listener);
            return List.copyOf(recent);
        }
    }

    public void forget(Consumer<Event> listener) {
        synchronized (recent) {
            listeners.remove(listener);
        }
    }
}
