package io.walrelay.wal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LsnTest {

    @ParameterizedTest
    @CsvSource({"16/B374D848, 0x16B374D848", "0/0, 0x0", "FFFFFFFF/FFFFFFFF, -1", "0/1, 0x1", "1/0, 0x100000000"})
    void readsWhatItPrints(String text, String value) {
        assertEquals(new Lsn(Long.decode(value)), Lsn.parse(text));
        assertEquals(text, Lsn.parse(text).toString());
    }

    @Test
    void readsLowerCaseAndLeadingZeros() {
        assertEquals(new Lsn(0xAB_0000_00CDL), Lsn.parse("000000ab/000000cd"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "/", "1", "1/", "/1", "1/2/3", "G/0", "0/g", "+1/0", "0/-1", " 0/1", "123456789/0", "0/123456789", "0/１"})
    void refusesWhatIsNoLsn(String text) {
        assertThrows(IllegalArgumentException.class, () -> Lsn.parse(text));
    }

    @Test
    void ordersWithoutASign() {
        Lsn high = Lsn.parse("80000000/0");
        assertTrue(high.isAfter(Lsn.parse("7FFFFFFF/FFFFFFFF")));
        assertTrue(Lsn.INVALID.isBefore(high));
        assertEquals(high, Lsn.max(Lsn.INVALID, high));
        assertEquals(1, high.minus(Lsn.parse("7FFFFFFF/FFFFFFFF")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "-1", "+1", "4294967296", "1 ", "١", "x", "99999999999999999999"})
    void refusesWhatIsNoTimeline(String text) {
        assertThrows(IllegalArgumentException.class, () -> TimelineId.parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-1", "+1", "18446744073709551616", "x"})
    void refusesWhatIsNoSystemIdentifier(String text) {
        assertThrows(IllegalArgumentException.class, () -> SystemId.parse(text));
    }
}
