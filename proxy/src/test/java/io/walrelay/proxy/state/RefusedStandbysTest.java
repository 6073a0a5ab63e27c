package io.walrelay.proxy.state;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.protocol.message.Diagnostic;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class RefusedStandbysTest {

    private final RefusedStandbys refused = new RefusedStandbys();

    private static Refusal refusal(String name, Optional<String> slot, int second) {
        return new Refusal(Instant.ofEpochSecond(second), Refusal.Reason.SLOT, name, slot, "repl", "10.0.0.7", Diagnostic.error("42704", "no such slot"), Optional.empty());
    }

    @Test
    void theLastOfAStandbyIsFoundByItsNameAndItsSlot() {
        refused.note(refusal("a", Optional.of("s"), 1));
        refused.note(refusal("a", Optional.of("s"), 2));
        refused.note(refusal("b", Optional.empty(), 3));
        assertEquals(List.of(refusal("a", Optional.of("s"), 2)), refused.find("a"));
        assertEquals(List.of(refusal("a", Optional.of("s"), 2)), refused.find("s"));
        assertEquals(List.of(), refused.find("c"));
        refused.streams("a");
        assertEquals(List.of(), refused.find("a"));
        assertEquals(List.of(), refused.find("s"));
    }

    @Test
    void aStrangerTakesNobodysPlace() {
        Refusal known = refusal("a", Optional.of("s"), 1);
        Refusal stranger = new Refusal(Instant.ofEpochSecond(2), Refusal.Reason.LOGIN, "a", Optional.empty(), "all", "10.6.6.6", Diagnostic.fatal("28000", "no"), Optional.empty());
        refused.note(known);
        refused.note(stranger);
        assertEquals(List.of(known, stranger), refused.find("a"));
        refused.note(refusal("b", Optional.empty(), 3));
        assertEquals(List.of(refusal("b", Optional.empty(), 3), known, stranger), refused.newest(3));
        assertEquals(List.of(refusal("b", Optional.empty(), 3)), refused.newest(1));
    }

    @Test
    void namesThatClientsInventAreForgotten() {
        for (int i = 0; i < 1_000; i++) {
            refused.note(refusal("name" + i, Optional.empty(), i));
        }
        assertEquals(List.of(), refused.find("name743"));
        assertEquals(List.of(refusal("name744", Optional.empty(), 744)), refused.find("name744"));
    }
}
