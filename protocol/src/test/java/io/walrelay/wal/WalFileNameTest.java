package io.walrelay.wal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WalFileNameTest {

    @ParameterizedTest(name = "{0} with {1} begins at {2}")
    @CsvSource({
        "000000010000000A000000FF, 16MB, A/FF000000",
        "000000010000000A00000FFF, 1MB,  A/FFF00000",
        "000000010000000A0000003F, 64MB, A/FC000000",
        "FFFFFFFFFFFFFFFF00000003, 1GB,  FFFFFFFF/C0000000",
        "000000010000000000000000, 16MB, 0/0",
    })
    void namesASegment(String name, String size, String start) {
        SegmentSize segmentSize = SegmentSize.parse(size);
        WalFileName.Segment segment = (WalFileName.Segment) WalFileName.require(name, segmentSize);
        assertEquals(Lsn.parse(start), segment.id().start(segmentSize));
        assertEquals(name, segment.fileName(segmentSize));
        assertEquals(segment.id(), SegmentId.at(segment.id().timeline(), Lsn.parse(start).plus(segmentSize.bytes() - 1L), segmentSize));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "000000010000000A000000FF.partial", "00000002.history", "FFFFFFFF.history", "000000010000000A000000FF.00000028.backup", "000000010000000A000000FF.00FFFFFF.backup"
    })
    void printsWhatItReads(String name) {
        assertEquals(Optional.of(name), WalFileName.parse(name, SegmentSize.DEFAULT).map(n -> n.fileName(SegmentSize.DEFAULT)));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "", "000000010000000a000000ff", "000000000000000A000000FF", "000000010000000A00000100", "00000000.history", "2.history",
        "000000010000000A000000FF.01000000.backup", "000000010000000A000000FF.partial.partial", "000000010000000A000000FF ",
        "000000010000000A000000FF\n", "../0000010000000A000000FF", "000000010000000A000000F", "000000010000000A000000FF.backup", "00000002.history.partial"
    })
    void refusesWhatPostgresWouldNotName(String name) {
        assertEquals(Optional.empty(), WalFileName.parse(name, SegmentSize.DEFAULT));
        assertThrows(IllegalArgumentException.class, () -> WalFileName.require(name, SegmentSize.DEFAULT));
    }

    @Test
    void saysWhatIsWrongWithAName() {
        Map<String, String> faults = Map.of(
                "backup.tar", "expected 24 upper-case hexadecimal digits",
                "000000000000000000000001", "its timeline is 0",
                "000000010000000000FFF005", "last eight digits are 000000FF at most");
        faults.forEach((name, fault) -> {
            String message = assertThrows(IllegalArgumentException.class, () -> WalFileName.require(name, SegmentSize.DEFAULT)).toString();
            assertTrue(message.contains(fault), message);
        });
    }

    @Test
    void ordersSegmentsAsTheirNames() {
        SegmentId last = new SegmentId(new TimelineId(1), 0xFF);
        assertEquals("000000010000000100000000", new WalFileName.Segment(last.next()).fileName(SegmentSize.DEFAULT));
        assertTrue(last.compareTo(last.next()) < 0);
        assertTrue(last.next().compareTo(new SegmentId(new TimelineId(-1), 0)) < 0, "timeline 4294967295 is not below 1");
    }
}
