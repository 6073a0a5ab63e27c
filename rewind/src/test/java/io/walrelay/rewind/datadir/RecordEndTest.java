package io.walrelay.rewind.datadir;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecordEndTest {

    @ParameterizedTest
    @CsvSource({
        "0/3000028, 0/3000000", // behind the first page's header of 40 bytes
        "0/3002018, 0/3002000", // behind another page's, of 24
        "0/3000018, 0/3000000",
        "0/3000000, 0/3000000",
        "0/3002000, 0/3002000",
        "0/3002020, 0/3002020",
        "0/3000030, 0/3000030",
        "0/3012345, 0/3012345"
    })
    void isNeverInsideAPageHeader(String insert, String end) {
        assertEquals(Lsn.parse(end), RecordEnd.before(Lsn.parse(insert), SegmentSize.DEFAULT));
    }
}
