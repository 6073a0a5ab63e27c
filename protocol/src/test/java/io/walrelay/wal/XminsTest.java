package io.walrelay.wal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class XminsTest {

    /** walsender.c, PhysicalReplicationSlotNewXmin. 4294967296 is 2^32, 2147483648 is half of the circle. */
    @ParameterizedTest
    @CsvSource({
        "0, 0, 0",
        "0, 700, 700",
        "700, 701, 701",
        "700, 700, 700",
        "700, 699, 700",
        "700, 0, 0",
        "4294967290, 4294967300, 4294967300",
        "4294967300, 4294967290, 4294967300",
        "4294967996, 2147484349, 4294967996",
        "4294967996, 2147484348, 2147484348",
        "4294967996, 700, 700",
    })
    void aSlotKeepsWhatItsStandbyReportsButNeverGoesBack(long kept, long reported, long then) {
        assertEquals(xmins(then, 5), xmins(kept, 5).reported(xmins(reported, 5)));
        assertEquals(xmins(5, then), xmins(5, kept).reported(xmins(5, reported)));
    }

    private static Xmins xmins(long xmin, long catalogXmin) {
        return new Xmins(new FullTransactionId(xmin), new FullTransactionId(catalogXmin));
    }
}
