package io.walrelay.cache.background;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BackgroundThreadTest {

    private static final Duration LONG = Duration.ofHours(1);

    @Test
    void closingWakesWhoRestsAndWaitsForTheEnd() {
        AtomicReference<BackgroundThread> self = new AtomicReference<>();
        AtomicBoolean ended = new AtomicBoolean();
        BackgroundThread thread = new BackgroundThread("test", () -> {
            while (!self.get().isClosed()) {
                self.get().rest(LONG);
            }
            ended.set(true);
        });
        self.set(thread);
        thread.start();
        thread.close(LONG);
        assertTrue(ended.get());
    }

    /** What comes after it may not have begun: then all is closed again. */
    @Test
    void oneThatWasNotStartedCanBeClosed() {
        BackgroundThread thread = new BackgroundThread("test", () -> {});
        thread.close(LONG);
        thread.interrupt();
        assertTrue(thread.isClosed());
    }

    @Test
    void closingDoesNotInterruptNorWaitForever() throws InterruptedException {
        CountDownLatch goOn = new CountDownLatch(1);
        CountDownLatch ended = new CountDownLatch(1);
        AtomicBoolean interrupted = new AtomicBoolean();
        BackgroundThread thread = new BackgroundThread("test", () -> {
            try {
                goOn.await();
            } catch (InterruptedException e) {
                interrupted.set(true);
            }
            ended.countDown();
        });
        thread.start();
        thread.close(Duration.ofMillis(1));
        assertTrue(thread.isClosed());
        assertTrue(ended.getCount() == 1);
        goOn.countDown();
        assertTrue(ended.await(30, TimeUnit.SECONDS));
        assertFalse(interrupted.get());
    }

    @Test
    void interruptingEndsWhatWaitsInWaysOfItsOwn() {
        CountDownLatch never = new CountDownLatch(1);
        AtomicBoolean ended = new AtomicBoolean();
        BackgroundThread thread = new BackgroundThread("test", () -> {
            try {
                never.await();
            } finally {
                ended.set(true);
            }
        });
        thread.start();
        thread.interrupt();
        assertTrue(ended.get());
    }

    @Test
    void whatNeverBeganIsInterruptedAtOnce() {
        BackgroundThread thread = new BackgroundThread("test", () -> {});
        thread.interrupt();
        assertTrue(thread.isClosed());
    }
}
