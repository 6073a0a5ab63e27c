package io.walrelay.proxy.shaping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class TokenBucketTest {

    private static final long RATE = 1_000_000;
    private static final long SECOND = Duration.ofSeconds(1).toNanos();

    @Test
    void aSecondsWorthGathersAndNoMore() {
        TokenBucket bucket = TokenBucket.full(RATE, 0);
        assertEquals(RATE, bucket.available(0));
        assertEquals(RATE, bucket.available(100 * SECOND));
        TokenBucket used = bucket.take(RATE, 100 * SECOND);
        assertEquals(0, used.available(100 * SECOND));
        assertEquals(RATE / 2, used.available(100 * SECOND + SECOND / 2));
        assertEquals(RATE, used.available(105 * SECOND));
    }

    @Test
    void aDebtIsPaidAtTheRate() {
        TokenBucket debt = TokenBucket.full(RATE, 0).take(3 * RATE, 0);
        assertEquals(-2 * RATE, debt.available(0));
        assertEquals(2 * SECOND, debt.nanosInDebt());
        assertEquals(0, debt.available(2 * SECOND));
        assertEquals(0, TokenBucket.full(RATE, 0).take(RATE, 0).nanosInDebt());
    }

    @Test
    void aClockThatIsReadOutOfOrderGivesNothingTwice() {
        TokenBucket bucket = TokenBucket.full(RATE, 0).take(RATE, SECOND).take(0, SECOND / 2);
        assertEquals(RATE / 2, bucket.available(SECOND + SECOND / 2));
    }

    /** Whoever takes what there is, whenever he looks, never has more than a burst and the rate. */
    @Test
    void neverGivesMoreThanTheRate() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        TokenBucket bucket = TokenBucket.full(RATE, 0);
        long now = 0;
        long taken = 0;
        for (int i = 0; i < 100_000; i++) {
            now += random.nextInt(random.nextInt(10) == 0 ? (int) SECOND * 2 : 5_000_000);
            long bytes = Math.max(bucket.available(now) - random.nextInt(1_000), 0);
            bucket = bucket.take(bytes, now);
            taken += bytes;
            double most = RATE + (double) now / SECOND * RATE;
            assertTrue(taken <= most + 1, "seed %d: %d of %f".formatted(seed, taken, most));
        }
    }
}
