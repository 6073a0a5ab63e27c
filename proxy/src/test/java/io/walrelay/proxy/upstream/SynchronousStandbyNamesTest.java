package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SynchronousStandbyNamesTest {

    private static SynchronousStandbyNames parse(String text) {
        return SynchronousStandbyNames.parse(text).orElseThrow();
    }

    @ParameterizedTest
    @ValueSource(strings = {"relay", " relay ", "a,relay", "2 (a, relay)", "FIRST 1 (relay)", "any 2(a,b,relay)", "*", "1 (*)", "\"relay\"", "RELAY", "\"Relay\", b"})
    void namesTheRelay(String text) {
        assertTrue(parse(text).name("relay"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "relay2", "a, b", "ANY 1 (a, b)", "\"re\"\"lay\"", "first, any"})
    void doesNotNameTheRelay(String text) {
        assertFalse(parse(text).name("relay"));
    }

    @Test
    void takesDoubledQuotesAndNumbersForNames() {
        assertEquals(List.of("a\"b", "7"), parse("ANY 1 (\"a\"\"b\", 7)").names());
        assertTrue(parse("first").name("first"));
    }

    @Test
    void saysSoWhenItDoesNotKnowTheForm() {
        assertTrue(SynchronousStandbyNames.parse("a; b").isEmpty());
    }
}
