package io.walrelay.proxy.slotsync;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Only what slotsync.c sends is its question. */
final class SlotQuestionTest {

    private static final String ASKED =
            "SELECT pg_is_in_recovery(), count(*) = 1 FROM pg_catalog.pg_replication_slots WHERE slot_type='physical' AND slot_name='%s'";

    private static Optional<String> slotOf(String text) {
        return SlotQuestion.of(text.getBytes(StandardCharsets.UTF_8)).map(SlotQuestion::slot);
    }

    @ParameterizedTest
    @ValueSource(strings = {"s", "standby_1", "0", "sixty_three_bytes_long_as_the_longest_name_of_a_slot_is_at_most"})
    void isRecognised(String slot) {
        assertEquals(Optional.of(slot), slotOf(ASKED.formatted(slot)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "Upper",
                "with space",
                "x' OR slot_name='y",
                "x''y",
                "x\\y",
                "x\u00e9",
                "x\n",
                "sixty_four_bytes_long_as_no_name_of_a_slot_is_which_has_63_at_mo"
            })
    void noSlotIsCalledSo(String slot) {
        assertEquals(Optional.empty(), slotOf(ASKED.formatted(slot)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "SELECT 1",
                "SELECT pg_is_in_recovery(), count(*) = 1 FROM pg_catalog.pg_replication_slots WHERE slot_type='physical' AND slot_name=E's'",
                "SELECT pg_is_in_recovery(), count(*) = 1 FROM pg_catalog.pg_replication_slots WHERE slot_type='logical' AND slot_name='s'",
                "SELECT pg_is_in_recovery(), count(*) = 1 FROM pg_catalog.pg_replication_slots WHERE slot_type='physical' AND slot_name='s';",
                "SELECT pg_is_in_recovery(), count(*) = 1 FROM pg_catalog.pg_replication_slots WHERE slot_type='physical' AND slot_name='s' ",
                " SELECT pg_is_in_recovery(), count(*) = 1 FROM pg_catalog.pg_replication_slots WHERE slot_type='physical' AND slot_name='s'",
                "select pg_is_in_recovery(), count(*) = 1 from pg_catalog.pg_replication_slots where slot_type='physical' and slot_name='s'",
                "SELECT pg_is_in_recovery(), count(*) = 1 FROM pg_catalog.pg_replication_slots WHERE slot_type='physical' AND slot_name='s'; DROP TABLE t"
            })
    void anythingElsePasses(String text) {
        assertEquals(Optional.empty(), slotOf(text));
    }

    @Test
    void itsLengthIsKnown() {
        assertEquals(SlotQuestion.SHORTEST, ASKED.formatted("s").length());
        assertEquals(SlotQuestion.LONGEST, ASKED.formatted("s".repeat(63)).length());
    }

    @Test
    void isWrittenAsItIsRead() {
        assertEquals(ASKED.formatted("s"), new SlotQuestion("s").text());
    }
}
