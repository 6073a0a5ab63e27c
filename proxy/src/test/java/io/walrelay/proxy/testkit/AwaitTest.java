package io.walrelay.proxy.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.proxy.demo.Await;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class AwaitTest {

    @Test
    void returnsTheFirstValueThatIsAccepted() {
        AtomicInteger reads = new AtomicInteger();
        assertEquals(3, Await.until("three", Duration.ofSeconds(10), reads::incrementAndGet, n -> n >= 3));
    }

    @Test
    void tellsWhatItWaitedForAndWhatItSawLast() {
        Await.TimedOut failure = assertThrows(
                Await.TimedOut.class, () -> Await.until("the slot to move", Duration.ofMillis(20), () -> "0/5000", "0/6000"::equals));
        assertEquals("waited PT0.02S for the slot to move; last seen: 0/5000", failure.getMessage());
    }

    @Test
    void anExceptionIsNotYetAndIsToldWhenTheLimitPasses() {
        Await.TimedOut failure = assertThrows(Await.TimedOut.class, () -> Await.until("an answer", Duration.ofMillis(20), () -> {
            throw new IOException("refused");
        }));
        assertEquals("waited PT0.02S for an answer; last seen: java.io.IOException: refused", failure.getMessage());
        assertInstanceOf(IOException.class, failure.getCause());
    }
}
