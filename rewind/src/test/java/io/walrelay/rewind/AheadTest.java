package io.walrelay.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.AccessDeniedException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class AheadTest {

    private final CountDownLatch known = new CountDownLatch(1);
    private final AtomicBoolean over = new AtomicBoolean();

    /** As what waits for a server's answer: an interrupt does not end it. */
    private String answer() {
        boolean waiting = true;
        while (waiting) {
            try {
                known.await();
                waiting = false;
            } catch (InterruptedException e) {
                assertFalse(over.get());
            }
        }
        over.set(true);
        return "answer";
    }

    private static String fault() throws IOException {
        throw new AccessDeniedException("lost+found");
    }

    @Test
    void somethingElseIsDoneMeanwhile() throws IOException {
        try (Ahead<String> ahead = Ahead.ask("what there is", this::answer)) {
            ahead.requireNoFault();
            known.countDown();
            assertEquals("answer", ahead.get());
            ahead.requireNoFault();
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
    void anAnswerThatNobodyWantsIsNotWaitedFor() {
        Ahead.ask("what there is", () -> {
            known.await();
            return "answer";
        }).close();
        assertEquals(1, known.getCount());
    }

    /** By whose kind it is known what to say of it. */
    @Test
    void aFaultIsTheQuestions() {
        try (Ahead<String> ahead = Ahead.ask("what there is", AheadTest::fault)) {
            assertEquals("lost+found", assertThrows(AccessDeniedException.class, ahead::get).getFile());
            assertThrows(AccessDeniedException.class, ahead::requireNoFault);
        }
        try (Ahead<String> ahead = Ahead.ask("what there is", () -> {
            throw new IllegalArgumentException("mistake");
        })) {
            assertEquals("mistake", assertThrows(IllegalArgumentException.class, ahead::get).getMessage());
        }
    }

    @Test
    void whoeverWaitsCanBeInterrupted() {
        try (Ahead<String> ahead = Ahead.ask("what there is", this::answer)) {
            try {
                Thread.currentThread().interrupt();
                assertThrows(InterruptedIOException.class, ahead::get);
                assertTrue(Thread.interrupted());
            } finally {
                known.countDown();
            }
        }
    }
}
