package io.walrelay.wal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class FullTransactionIdTest {

    @ParameterizedTest
    @CsvSource({
        // known, short, what it is short for
        "4294968296, 1000, 4294968296",
        "4294968296, 4294967000, 4294967000", // the epoch before
        "4294967000, 1000, 4294968296", // the next epoch
        "1000, 2147484000, 2147484000",
        "12884902888, 900, 12884902788",
    })
    void shortOnesBelongToTheNearestEpoch(long known, long xid, long full) {
        assertEquals(new FullTransactionId(full), new FullTransactionId(known).near((int) xid));
    }

    @Test
    void theOrderOfShortOnesGoesRound() {
        assertTrue(FullTransactionId.follows(5, -5));
        assertFalse(FullTransactionId.follows(-5, 5));
        assertFalse(FullTransactionId.follows(7, 7));
    }

    @Test
    void someAreNobodys() {
        assertFalse(FullTransactionId.isNormal(0));
        assertFalse(FullTransactionId.isNormal(2));
        assertTrue(FullTransactionId.isNormal(3));
        assertTrue(FullTransactionId.isNormal(-1));
    }

    @Test
    void isPrintedWithoutASign() {
        FullTransactionId last = new FullTransactionId(-1);
        assertEquals("18446744073709551615", last.toString());
        assertEquals(-1, last.epoch());
        assertTrue(last.compareTo(new FullTransactionId(1)) > 0);
        assertEquals(-3, new FullTransactionId(4).minus(new FullTransactionId(7)));
    }
}
