package io.walrelay.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class AheadTest {

    private final CountDownLatch known = new CountDownLatch(1);
    private final AtomicBoolean over = new AtomicBoolean();

    private String answer() throws InterruptedException {
        known.await();
        over.set(true);
        return "answer";
    }

    @Test
    void somethingElseIsDoneMeanwhile() throws IOException {
        try (Ahead<String> ahead = Ahead.ask("what there is", this::answer)) {
            known.countDown();
            assertEquals("answer", ahead.get());
        }
    }

    /** Which comes first when what is done meanwhile fails: the question uses what belongs to others afterwards. */
    @Test
    void toCloseIsToWaitForTheEnd() {
        Ahead<String> ahead = Ahead.ask("what there is", this::answer);
        Thread.currentThread().interrupt();
        Thread.ofVirtual().start(known::countDown);
        ahead.close();
        assertTrue(over.get());
        assertTrue(Thread.interrupted(), "an interrupt is kept");
    }

    @Test
    void aFaultHasItsWords() {
        try (Ahead<String> ahead = Ahead.ask("what there is", () -> {
            throw new IOException("no disk");
        })) {
            IOException fault = assertThrows(IOException.class, ahead::get);
            assertEquals("no disk", fault.getMessage());
            assertInstanceOf(IOException.class, fault.getCause());
        }
    }

    @Test
    void whoeverWaitsCanBeInterrupted() {
        try (Ahead<String> ahead = Ahead.ask("what there is", this::answer)) {
            Thread.currentThread().interrupt();
            assertThrows(InterruptedIOException.class, ahead::get);
            assertTrue(Thread.interrupted());
            known.countDown();
        }
    }
}
