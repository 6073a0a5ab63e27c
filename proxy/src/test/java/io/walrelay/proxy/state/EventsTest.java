package io.walrelay.proxy.state;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Clock;
import java.util.List;
import org.junit.jupiter.api.Test;

class EventsTest {

    private final Events events = new Events(Clock.systemUTC());

    @Test
    void whatHappensAgainAndAgainPushesOutItsOwnKind() {
        events.warning("fork", "the one of the night");
        for (int i = 0; i < 600; i++) {
            events.warning("standby-refused", "number " + i);
        }
        events.info("fork", "of the same name, and no warning");
        List<Event> recent = events.recent();
        assertEquals(500, recent.size());
        assertEquals("the one of the night", recent.getFirst().text());
        assertEquals("number 102", recent.get(1).text(), "the newest of what is left");
        assertEquals("number 599", recent.get(498).text());
        assertEquals("of the same name, and no warning", recent.getLast().text());
        assertEquals(600, events.counts().get(new Events.Kind(Event.Severity.WARNING, "standby-refused")));
    }
}
