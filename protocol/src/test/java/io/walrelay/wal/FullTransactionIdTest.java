package io.walrelay.wal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FullTransactionIdTest {

    @ParameterizedTest
    @CsvSource({"0, 3, 3", "0, 0xFFFFFFFF, 4294967295", "1, 3, 4294967299", "1, 728, 4294968024", "0xFFFFFFFF, 0xFFFFFFFF, 18446744073709551615"})
    void isItsEpochAndItsNumber(String epoch, String xid, String shown) {
        FullTransactionId full = FullTransactionId.of(Long.decode(epoch).intValue(), Long.decode(xid).intValue());
        assertEquals(shown, full.toString());
        assertEquals(Long.decode(epoch).intValue(), full.epoch());
        assertEquals(Long.decode(xid).intValue(), full.xid());
        assertTrue(full.isValid());
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "7, 0", "7, 1", "7, 2"})
    void whatIsNoTransactionsNumberIsNoneInAnyEpoch(int epoch, int xid) {
        assertEquals(FullTransactionId.INVALID, FullTransactionId.of(epoch, xid));
        assertFalse(FullTransactionId.INVALID.isValid());
    }

    /** Around 2^32 + 1000: the circle of 32 bits is cut where the two numbers are opposite each other. */
    @ParameterizedTest
    @CsvSource({
        "0x1000003E8, 1000, 0x1000003E8",
        "0x1000003E8, 1001, 0x1000003E9",
        "0x1000003E8, 999, 0x1000003E7",
        "0x1000003E8, 0xFFFFFFFF, 0xFFFFFFFF",
        "0x1000003E8, 0x800003E9, 0x800003E9",
        "0x1000003E8, 0x800003E7, 0x1800003E7",
        "0xFFFFFFFF, 3, 0x100000003",
        "1000, 0xFFFFFFFF, 0",
        "1000, 0x7FFFFFFF, 0x7FFFFFFF",
    })
    void findsTheNearestOneOfANumber(String around, String xid, String nearest) {
        assertEquals(new FullTransactionId(Long.decode(nearest)), new FullTransactionId(Long.decode(around)).near(Long.decode(xid).intValue()));
    }

    @ParameterizedTest
    @CsvSource({
        "0x1000003E8, 1, 0x1000003E7",
        "0x1000003E8, 997, 0x100000003",
        "0x1000003E8, 998, 0x100000003",
        "0x1000003E8, 1000, 0x100000003",
        "0x1000003E8, 1001, 0xFFFFFFFF",
        "100, 97, 3",
        "100, 98, 3",
        "100, 50000000, 3",
    })
    void goesBackPastNumbersThatAreNoTransactions(String from, long transactions, String to) {
        assertEquals(new FullTransactionId(Long.decode(to)), new FullTransactionId(Long.decode(from)).before(transactions));
    }

    @Test
    void goesOnPastTheEndOfAnEpoch() {
        assertEquals(FullTransactionId.of(1, 3), FullTransactionId.of(0, -1).next());
        assertEquals(FullTransactionId.of(1, 4), FullTransactionId.of(1, 3).next());
        assertEquals(4, FullTransactionId.of(1, 3).minus(FullTransactionId.of(0, -1)));
    }

    @Test
    void theOrderOfShortOnesGoesRound() {
        assertTrue(FullTransactionId.follows(5, -5));
        assertFalse(FullTransactionId.follows(-5, 5));
        assertFalse(FullTransactionId.follows(7, 7));
    }
}
