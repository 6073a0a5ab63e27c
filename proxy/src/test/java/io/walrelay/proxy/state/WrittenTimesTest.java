package io.walrelay.proxy.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class WrittenTimesTest {

    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);

    private final WrittenTimes times = new WrittenTimes();

    @Test
    void nothingIsOldWhereEverythingWasReached() {
        assertEquals(Duration.ZERO, age(0, 5));
        times.written(new Lsn(100), MS);
        assertEquals(Duration.ZERO, age(100, 9 * MS));
        assertEquals(Duration.ZERO, age(101, 9 * MS));
    }

    @Test
    void theAgeIsThatOfTheOldestWalNotReached() {
        times.written(new Lsn(100), 10 * MS);
        times.written(new Lsn(200), 20 * MS);
        times.written(new Lsn(300), 30 * MS);
        assertEquals(Duration.ofMillis(30), age(50, 40 * MS));
        assertEquals(Duration.ofMillis(20), age(100, 40 * MS));
        assertEquals(Duration.ofMillis(20), age(199, 40 * MS));
        assertEquals(Duration.ofMillis(10), age(200, 40 * MS));
        assertEquals(Duration.ZERO, age(300, 40 * MS));
    }

    @Test
    void idlenessMakesNothingOlder() {
        times.written(new Lsn(100), MS);
        times.written(new Lsn(100), 500 * MS);
        times.written(new Lsn(200), 1_000 * MS);
        assertEquals(Duration.ofMillis(5), age(100, 1_005 * MS));
    }

    @Test
    void positionsAreUnsigned() {
        times.written(new Lsn(Long.MAX_VALUE), MS);
        times.written(new Lsn(Long.MIN_VALUE + 10), 11 * MS);
        assertEquals(Duration.ofMillis(10), age(Long.MAX_VALUE, 21 * MS));
    }

    @Test
    void whatAnotherTimelineTookTheWalOfIsForgottenAndWhatBothShareKeepsItsAge() {
        times.written(new Lsn(100), 10 * MS);
        times.written(new Lsn(200), 20 * MS);
        times.written(new Lsn(300), 30 * MS);
        times.written(new Lsn(150), 50 * MS);
        assertEquals(Duration.ofMillis(40), age(100, 60 * MS));
        assertEquals(Duration.ZERO, age(150, 60 * MS));
        times.written(new Lsn(200), 70 * MS);
        assertEquals(Duration.ofMillis(10), age(150, 80 * MS));
        times.written(new Lsn(100), 80 * MS);
        assertEquals(Duration.ZERO, age(100, 90 * MS));
    }

    /** From writes at each millisecond to one an hour, beside a list of all of them. */
    @Test
    void anAgeIsAtMostA32ndTooHighHoweverLongAgoItWas() {
        SplittableRandom random = new SplittableRandom(42);
        Deque<long[]> all = new ArrayDeque<>();
        long now = MS;
        long end = 1;
        long pause = MS / 10;
        for (int i = 0; i < 200_000; i++) {
            end += 1 + random.nextLong(1_000_000);
            now += 1 + random.nextLong(2 * pause);
            times.written(new Lsn(end), now);
            all.add(new long[] {end, now});
            if (i % 10_000 == 9_999) {
                pause = Math.min(pause * 5, TimeUnit.HOURS.toNanos(1));
                compare(all, now);
            }
        }
        assertTrue(now > TimeUnit.DAYS.toNanos(365), () -> "it went on for more than a year");
    }

    private void compare(Deque<long[]> all, long now) {
        long previous = 1;
        for (long[] write : all) {
            long exact = now - write[1];
            long said = times.ageOfWalPast(new Lsn(previous), now).toNanos();
            assertTrue(said >= exact && said <= exact + said / 32 + MS, () -> "%d ns; expected %d".formatted(said, exact));
            previous = write[0];
        }
    }

    private Duration age(long reached, long now) {
        return times.ageOfWalPast(new Lsn(reached), now);
    }
}
