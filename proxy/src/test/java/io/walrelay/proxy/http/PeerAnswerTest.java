package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.slot.Mirroring;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a peer may have answered, as JSON. */
final class PeerAnswerTest {

    private static final String URL = "http://relay2:8433";
    private static final String SLOT = "{\"name\":\"s\",\"restart_lsn\":\"0/1\",\"active\":true,\"used\":true,\"lost\":false,\"moves\":1099511627776,\"home\":null}";

    private static Mirroring.Peer asked(String json) {
        return Json.MAPPER.readValue(json, PeerAnswer.class).asked(URL);
    }

    private static String answer(String slots) {
        return "{\"relay\":\"r\",\"system_id\":\"7\",\"timeline\":1,\"history\":[],\"slots\":[%s]}".formatted(slots);
    }

    @Test
    void takesWhatARelaySays() {
        Mirroring.Peer peer = asked(answer(SLOT + "," + SLOT.replace("\"s\"", "\"%s\"".formatted("a".repeat(63)))));
        assertEquals(2, peer.slots().size());
        assertEquals(1L << 40, peer.slots().getFirst().moves());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "\"s\" | \"S\" | contains invalid character",
        "\"s\" | \"../s\" | contains invalid character",
        "\"s\" | \"\" | is too short",
        "\"s\" | null | a null in the slots",
        "1099511627776 | 1099511627777 | expected 0 to",
        "1099511627776 | -1 | expected 0 to",
        "1099511627776 | 9223372036854775807 | expected 0 to",
        "\"0/1\" | \"0/x\" | 0/x",
    })
    void oneWrongSlotMakesAllOfItWrong(String good, String bad, String why) {
        refuses(answer(SLOT.replace("\"s\"", "\"t\"") + "," + SLOT.replace(good, bad)), why);
    }

    @Test
    void refusesWhatIsTooMuchOrTooLittle() {
        refuses(answer(SLOT + "," + SLOT), "slot \"s\" is there twice");
        refuses(answer(SLOT.replace("\"s\"", "\"%s\"".formatted("s".repeat(70_000)))), "is too long");
        refuses(answer("null"), "a null in the slots");
        refuses(answer(SLOT).replace("\"r\"", "null"), "a null where a value is expected");
        refuses(answer(SLOT).replace("\"r\"", "\"%s\"".formatted("r".repeat(70_000))), "an id of 70000 characters");
        refuses(answer(SLOT).replace("\"7\"", "null"), "a null where a value is expected");
        refuses("{\"relay\":\"r\",\"system_id\":\"7\",\"timeline\":1}", "a null where a value is expected");
        refuses(answer(SLOT).replace("[]", "[null]"), "a null in the history");
        refuses(answer(SLOT).replace("[]", "[{\"timeline\":1,\"switch_point\":null}]"), "a null in the history");
    }

    private static void refuses(String json, String why) {
        String said = String.valueOf(assertThrows(IllegalArgumentException.class, () -> asked(json), json).getMessage());
        assertTrue(said.contains(why), said);
        assertTrue(said.length() < 1_000, said);
    }
}
