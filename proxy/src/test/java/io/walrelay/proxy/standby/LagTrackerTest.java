package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.standby.LagTracker.Stage;
import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class LagTrackerTest {

    private final LagTracker lags = new LagTracker();

    @Test
    void measuresFromTheSampleThatWasPassed() {
        lags.sent(new Lsn(100), 1_000);
        lags.sent(new Lsn(200), 2_000);
        assertEquals(Optional.of(Duration.ofNanos(4_000)), lags.confirmed(Stage.FLUSH, new Lsn(100), 5_000));
        assertEquals(Optional.of(Duration.ofNanos(4_000)), lags.confirmed(Stage.FLUSH, new Lsn(200), 6_000));
    }

    @Test
    void interpolatesBetweenTwoSamples() {
        lags.sent(new Lsn(100), 1_000);
        lags.sent(new Lsn(200), 2_000);
        lags.confirmed(Stage.WRITE, new Lsn(100), 3_000);
        assertEquals(Optional.of(Duration.ofNanos(1_500)), lags.confirmed(Stage.WRITE, new Lsn(150), 3_000));
    }

    @Test
    void growsWhileTheFirstSampleIsNotReached() {
        lags.sent(new Lsn(100), 1_000);
        assertEquals(Optional.of(Duration.ofNanos(500)), lags.confirmed(Stage.REPLAY, new Lsn(50), 1_500));
        assertEquals(Optional.of(Duration.ofNanos(900)), lags.confirmed(Stage.REPLAY, new Lsn(50), 1_900));
    }

    @Test
    void tellsNothingNewWhenAllIsConfirmed() {
        lags.sent(new Lsn(100), 1_000);
        lags.confirmed(Stage.FLUSH, new Lsn(100), 2_000);
        assertEquals(Optional.empty(), lags.confirmed(Stage.FLUSH, new Lsn(100), 9_000));
    }

    @Test
    void keepsTheOldestSampleOfTheSlowestStageWhenItIsFull() {
        for (int i = 1; i <= 10_000; i++) {
            lags.sent(new Lsn(i), i);
        }
        assertEquals(Optional.of(Duration.ofNanos(19_999)), lags.confirmed(Stage.REPLAY, new Lsn(1), 20_000));
        assertEquals(Optional.of(Duration.ofNanos(10_000)), lags.confirmed(Stage.REPLAY, new Lsn(10_000), 20_000));
    }
}
