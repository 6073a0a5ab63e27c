package io.walrelay.protocol.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.protocol.message.Diagnostic;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SlotNameTest {

    @ParameterizedTest
    @ValueSource(strings = {"a", "_", "0", "pg_walreceiver_4711", "wait"})
    void takesLettersDigitsAndUnderscores(String name) {
        assertEquals(name, new SlotName(name).value());
    }

    @Test
    void takes63BytesAndNoMore() {
        assertEquals("a".repeat(63), new SlotName("a".repeat(63)).value());
        Diagnostic refused = refuse("a".repeat(64));
        assertEquals("42622", refused.sqlState());
        assertEquals("replication slot name \"" + "a".repeat(64) + "\" is too long", refused.message());
        assertEquals("42622", refuse("ä".repeat(32)).sqlState());
    }

    @Test
    void refusesAnEmptyName() {
        assertEquals(Diagnostic.error("42602", "replication slot name \"\" is too short"), refuse(""));
    }

    @ParameterizedTest
    @ValueSource(strings = {"Ab", "a-b", "a.b", "../x", "a b", "ä", "a\"b", "a/b", "a\0"})
    void refusesOtherCharactersWithPostgresqlsHint(String name) {
        Diagnostic refused = refuse(name);
        assertEquals("42602", refused.sqlState());
        assertEquals("replication slot name \"" + name + "\" contains invalid character", refused.message());
        assertEquals(
                Optional.of("Replication slot names may only contain lower case letters, numbers, and the underscore character."),
                refused.hint());
    }

    private static Diagnostic refuse(String name) {
        return assertThrows(CommandError.class, () -> new SlotName(name)).diagnostic();
    }
}
