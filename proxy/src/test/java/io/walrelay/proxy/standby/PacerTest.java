package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.DefaultEventLoop;
import io.walrelay.proxy.demo.Await;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class PacerTest {

    private final DefaultEventLoop loop = new DefaultEventLoop();
    private final Pacer pacer = new Pacer(
            loop, new StandbyLimits(Duration.ofSeconds(5), Duration.ofMillis(100), 10, Duration.ofSeconds(60), 100), new DelayHistogram());

    /** A session that counts its turns, and throws at each one if it is told to. */
    private final class Session implements Pacer.Paced {
        private final boolean bad;
        private final AtomicInteger passes = new AtomicInteger();
        private final AtomicInteger ticks = new AtomicInteger();
        private volatile boolean ended;

        Session(boolean bad) {
            this.bad = bad;
        }

        @Override
        public void onPass(long delayNanos) {
            passes.incrementAndGet();
            throwIfBad();
        }

        @Override
        public void onTick(long now) {
            ticks.incrementAndGet();
            throwIfBad();
        }

        private void throwIfBad() {
            if (bad) {
                throw new IllegalStateException("a fault of ours");
            }
        }

        @Override
        public void broken(Throwable cause) {
            ended = true;
            pacer.leave(this);
        }
    }

    @AfterEach
    void stop() throws Exception {
        loop.shutdownGracefully(0, 5, TimeUnit.SECONDS).get(10, TimeUnit.SECONDS);
    }

    @Test
    void aSessionThatBreaksInATickEndsAloneAndTheTimerGoesOn() throws Exception {
        Session bad = new Session(true);
        Session good = new Session(false);
        loop.submit(() -> {
            pacer.join(bad);
            pacer.join(good);
        }).get(10, TimeUnit.SECONDS);
        Await.until("the other has some ticks", Duration.ofSeconds(10), () -> good.ticks.get() > 3);
        assertTrue(bad.ended);
    }

    @Test
    void aSessionThatBreaksInAPassEndsAloneAndTheOthersGetTheirs() throws Exception {
        Session bad = new Session(true);
        Session good = new Session(false);
        loop.submit(() -> {
            pacer.join(bad);
            pacer.join(good);
            pacer.wake();
        }).get(10, TimeUnit.SECONDS);
        Await.until("the other has its pass", Duration.ofSeconds(10), () -> good.passes.get() == 1);
        assertTrue(bad.ended);
        pacer.wake();
        Await.until("and the next", Duration.ofSeconds(10), () -> good.passes.get() == 2);
    }
}
