package io.walrelay.wal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SegmentSizeTest {

    @ParameterizedTest
    @ValueSource(strings = {"1MB", "16MB", "512MB", "1GB"})
    void readsWhatItPrints(String text) {
        assertEquals(text, SegmentSize.parse(text).toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "MB", "16", "16mb", "3MB", "0MB", "2GB", "4GB", "-16MB", "+16MB", "16 MB", "4096MB", "9999999999MB"})
    void refusesWhatInitdbWould(String text) {
        assertThrows(IllegalArgumentException.class, () -> SegmentSize.parse(text));
    }

    @Test
    void countsFromTheBeginningOfTheSegment() {
        SegmentSize size = SegmentSize.DEFAULT;
        Lsn boundary = Lsn.parse("FFFFFFFF/01000000");
        assertEquals(0, size.offset(boundary));
        assertEquals(boundary, size.startOf(boundary));
        assertEquals(Lsn.parse("FFFFFFFF/02000000"), size.endOf(boundary));
        Lsn before = boundary.plus(-1);
        assertEquals(0xFFFFFF, size.offset(before));
        assertEquals(boundary, size.endOf(before));
        assertEquals(size.segmentNumber(boundary), size.segmentNumber(before) + 1);
        assertEquals(boundary, size.start(size.segmentNumber(boundary)));
    }
}
