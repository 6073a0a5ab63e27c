package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.standby.Silence.Step;
import java.time.Duration;
import org.junit.jupiter.api.Test;

final class SilenceTest {

    private final Silence silence = new Silence(Duration.ofNanos(60), 1_000);

    @Test
    void asksOnceAfterHalfTheTimeoutAndHangsUpAfterAll() {
        silence.wrote(1_025);
        assertEquals(Step.NOTHING, silence.due(1_029));
        silence.wrote(1_030);
        assertEquals(Step.ASK, silence.due(1_030));
        silence.asked();
        assertEquals(Step.NOTHING, silence.due(1_031));
        assertEquals(Step.KEEPALIVE, silence.due(1_050));
        assertEquals(Step.HANG_UP, silence.due(1_060));
        silence.heard(1_059);
        assertFalse(silence.awaitingReply());
        silence.wrote(1_060);
        assertEquals(Step.NOTHING, silence.due(1_060));
    }

    @Test
    void tellsOneThatIsAheadEachTimeAndAsksItOnlyOnce() {
        assertEquals(Step.KEEPALIVE, silence.dueWhileAhead(1_001));
        assertEquals(Step.ASK, silence.dueWhileAhead(1_030));
        silence.asked();
        assertEquals(Step.KEEPALIVE, silence.dueWhileAhead(1_031));
        assertEquals(Step.HANG_UP, silence.dueWhileAhead(1_060));
    }

    /** pg_receivewal with status interval 0 reports only when asked, and its channel is full all the while that it catches up. */
    @Test
    void asksAlsoWhenTheChannelIsFull() {
        assertTrue(Silence.isWorthWriting(true, false));
        assertTrue(Silence.isWorthWriting(false, true));
        assertFalse(Silence.isWorthWriting(false, false));
    }
}
