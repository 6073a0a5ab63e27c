package io.walrelay.proxy.state;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.protocol.message.Diagnostic;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class RefusedStandbysTest {

    private final RefusedStandbys refused = new RefusedStandbys();

    private static Refusal refusal(String name, Optional<String> slot, int second) {
        return new Refusal(Instant.ofEpochSecond(second), Refusal.Reason.SLOT, name, slot, "repl", "10.0.0.7", Diagnostic.error("42704", "no such slot"));
    }

    @Test
    void theLastOfAStandbyIsFoundByItsNameAndItsSlot() {
        refused.note(refusal("a", Optional.of("s"), 1));
        refused.note(refusal("a", Optional.of("s"), 2));
        refused.note(refusal("b", Optional.empty(), 3));
        assertEquals(Optional.of(refusal("a", Optional.of("s"), 2)), refused.find("a"));
        assertEquals(Optional.of(refusal("a", Optional.of("s"), 2)), refused.find("s"));
        assertEquals(Optional.empty(), refused.find("c"));
        refused.streams("a");
        assertEquals(Optional.empty(), refused.find("a"));
        assertEquals(Optional.empty(), refused.find("s"));
    }

    @Test
    void namesThatClientsInventAreForgotten() {
        for (int i = 0; i < 1_000; i++) {
            refused.note(refusal("name" + i, Optional.empty(), i));
        }
        assertEquals(Optional.empty(), refused.find("name743"));
        assertEquals(Optional.of(refusal("name744", Optional.empty(), 744)), refused.find("name744"));
    }
}
