package io.walrelay.proxy.feedback;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Xmins;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HorizonsTest {

    private static final FeedbackLimits LIMITS = new FeedbackLimits(1_000, false);

    private static Claim slot(String name, long xmin, long catalogXmin) {
        return new Claim(new Holder(Holder.Kind.SLOT, name), xmins(xmin, catalogXmin));
    }

    private static Claim standby(String name, long xmin, long catalogXmin) {
        return new Claim(new Holder(Holder.Kind.STANDBY, name), xmins(xmin, catalogXmin));
    }

    private static Xmins xmins(long xmin, long catalogXmin) {
        return new Xmins(new FullTransactionId(xmin), new FullTransactionId(catalogXmin));
    }

    private static Optional<FullTransactionId> next(long xid) {
        return xid == 0 ? Optional.empty() : Optional.of(new FullTransactionId(xid));
    }

    private static String holders(List<XidHorizon.Hold> holds) {
        return holds.stream().map(hold -> hold.holder().name()).collect(Collectors.joining(" "));
    }

    /** Two slots and a standby; 4294967296 is 2^32, the beginning of epoch 1. 0 for nothing, and for not knowing the next. */
    @ParameterizedTest(name = "{0} {1} {2}, next {3}: {4} for {5}, too old {6}, beyond {7}")
    @CsvSource({
        // Nobody, one, the oldest of several.
        "0, 0, 0, 5000, 0, '', '', ''",
        "4990, 0, 0, 5000, 4990, a, '', ''",
        "4990, 4980, 0, 5000, 4980, b, '', ''",
        "4990, 4980, 4970, 5000, 4970, s, '', ''",
        "4990, 0, 4970, 5000, 4970, s, '', ''",
        "4980, 4980, 4980, 5000, 4980, a, '', ''",
        // The cap, to the transaction.
        "4000, 0, 0, 5000, 4000, a, '', ''",
        "3999, 0, 0, 5000, 4000, a, a, ''",
        "3999, 3000, 4970, 5000, 4000, b, b a, ''",
        // Nothing has an age while the log has not said how far upstream is.
        "3000, 0, 0, 0, 3000, a, '', ''",
        // The log was not read as far as the standby is, or upstream lost what it had given out.
        "5100, 0, 0, 5000, 5000, a, '', ''",
        "5001, 5100, 0, 5000, 5000, a, '', ''",
        "5000, 5100, 0, 5000, 5000, a, '', ''",
        "5100, 0, 0, 0, 5100, a, '', ''",
        "5100, 4999, 0, 5000, 4999, b, '', ''",
        // Over the end of an epoch: as 64 bits, not as the lower halves.
        "4294967290, 4294967300, 0, 4294967310, 4294967290, a, '', ''",
        "4294966309, 4294967300, 0, 4294967310, 4294966310, a, a, ''",
        // The cap falls on numbers that are no transactions.
        "4294966000, 0, 0, 4294968297, 4294967299, a, a, ''",
        "4294966000, 0, 0, 4294968296, 4294967299, a, a, ''",
        // Half of the circle is as far as a transaction can be; one with a wrong epoch is further, and takes nobody along.
        "2147488648, 0, 0, 4294972296, 4294971296, a, a, ''",
        "2147488647, 0, 0, 4294972296, 0, '', '', a",
        "5000, 4294972000, 0, 4294972296, 4294972000, b, '', a",
        "8589939000, 4294972000, 0, 4294972296, 4294972000, b, '', a",
    })
    void theOldestIsReportedAndNeverOlderThanTheCap(
            long a, long b, long s, long next, long reported, String holder, String tooOld, String beyond) {
        List<Claim> claims = List.of(slot("a", a, 0), slot("b", b, 0), standby("s", s, 0));
        Horizons now = Horizons.of(claims, next(next), LIMITS);
        assertEquals(xmins(reported, 0), now.reported());
        assertEquals(holder, now.xmin().oldest().map(hold -> hold.holder().name()).orElse(""));
        assertEquals(tooOld, holders(now.xmin().tooOld()));
        assertEquals(!tooOld.isEmpty(), now.xmin().capped());
        assertEquals(beyond, holders(now.xmin().beyond()));
    }

    @Test
    void catalogXminIsToldOfButNotCappedUnlessToldTo() {
        List<Claim> claims = List.of(slot("a", 4_990, 1_000), standby("s", 2_000, 4_000));
        Horizons kept = Horizons.of(claims, next(5_000), LIMITS);
        assertEquals(xmins(4_000, 1_000), kept.reported());
        assertEquals("a", holders(kept.catalogXmin().tooOld()));
        assertEquals(Optional.of(4_000L), kept.catalogXmin().oldest().flatMap(XidHorizon.Hold::age));
        assertFalse(kept.catalogXmin().capped());
        assertTrue(kept.xmin().capped());
        Horizons capped = Horizons.of(claims, next(5_000), new FeedbackLimits(1_000, true));
        assertEquals(xmins(4_000, 4_000), capped.reported());
        assertTrue(capped.catalogXmin().capped());
    }

    @Test
    void catalogXminIsNeverReportedPastTheNextEither() {
        assertEquals(xmins(5_000, 5_000), Horizons.of(List.of(slot("a", 5_001, 5_200)), next(5_000), LIMITS).reported());
    }

    @Test
    void catalogXminBeyondTheCircleTakesNoXminAlong() {
        Horizons now = Horizons.of(List.of(slot("a", 4_294_972_000L, 5)), next(4_294_972_296L), LIMITS);
        assertEquals(xmins(4_294_972_000L, 0), now.reported());
        assertEquals("a", holders(now.catalogXmin().beyond()));
    }

    @Test
    void ofStandbysThatShareANameTheOldestCounts() {
        Horizons now = Horizons.of(List.of(standby("s", 4_990, 0), standby("s", 4_980, 0), standby("s", 4_985, 0)), next(5_000), LIMITS);
        assertEquals(1, now.xmin().holds().size());
        assertEquals(xmins(4_980, 0), now.reported());
    }

    @Test
    void theOrderInWhichTheyCameDoesNotMatter() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            List<Claim> claims = new ArrayList<>();
            for (int i = random.nextInt(6); i >= 0; i--) {
                claims.add(slot("s" + random.nextInt(4), random.nextLong(6_000), random.nextLong(6_000)));
            }
            Horizons first = Horizons.of(claims, next(5_000), LIMITS);
            Collections.shuffle(claims, random);
            assertEquals(first, Horizons.of(claims, next(5_000), LIMITS), () -> "seed " + seed);
            assertTrue(!first.reported().xmin().isValid() || first.reported().xmin().value() >= 4_000, () -> "seed " + seed);
        }
    }
}
