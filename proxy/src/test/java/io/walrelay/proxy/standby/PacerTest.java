package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.DefaultEventLoop;
import io.walrelay.proxy.demo.Await;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class PacerTest {

    private final DefaultEventLoop loop = new DefaultEventLoop();
    private final Pacer pacer = new Pacer(
            loop, new StandbyLimits(Duration.ofSeconds(5), Duration.ofMillis(100), 10, Duration.ofSeconds(60), 100), new DelayHistogram());

    private final AtomicInteger passed = new AtomicInteger();

    /** A session that counts its turns, and does at each one what it is told to. */
    private final class Session implements Pacer.Paced {
        private final Runnable turn;
        private final AtomicInteger passes = new AtomicInteger();
        private final AtomicInteger ticks = new AtomicInteger();
        private final boolean waitedFor;
        /** In the order of first passes, from 1 on. */
        private volatile int place;
        private volatile boolean ended;

        Session(Runnable turn) {
            this(turn, false);
        }

        Session(Runnable turn, boolean waitedFor) {
            this.turn = turn;
            this.waitedFor = waitedFor;
        }

        @Override
        public boolean isWaitedFor() {
            return waitedFor;
        }

        @Override
        public void onPass(long delayNanos) {
            passes.incrementAndGet();
            if (place == 0) {
                place = passed.incrementAndGet();
            }
            turn.run();
        }

        @Override
        public void onTick(long now) {
            ticks.incrementAndGet();
            turn.run();
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

    static List<Named<Runnable>> faults() {
        return List.of(
                Named.of("a fault of ours", () -> {
                    throw new IllegalStateException("a fault of ours");
                }),
                // java.nio.Bits.reserveMemory, which Netty asks with the JVM's flags that the launcher sets; nothing exits for it.
                Named.of("no more direct memory", () -> {
                    throw new OutOfMemoryError("Cannot reserve 1048576 bytes of direct buffer memory");
                }));
    }

    @ParameterizedTest
    @MethodSource("faults")
    void aSessionThatBreaksInATickEndsAloneAndTheTimerGoesOn(Runnable fault) throws Exception {
        Session bad = new Session(fault);
        Session good = new Session(() -> {});
        loop.submit(() -> {
            pacer.join(bad);
            pacer.join(good);
        }).get(10, TimeUnit.SECONDS);
        Await.until("the other has some ticks", Duration.ofSeconds(10), () -> good.ticks.get() > 3);
        assertTrue(bad.ended);
    }

    @ParameterizedTest
    @MethodSource("faults")
    void aSessionThatBreaksInAPassEndsAloneAndTheOthersGetTheirs(Runnable fault) throws Exception {
        Session bad = new Session(fault);
        Session good = new Session(() -> {});
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

    @Test
    void whoIsWaitedForHasItsPassBeforeTheOthers() throws Exception {
        Session other = new Session(() -> {});
        Session member = new Session(() -> {}, true);
        loop.submit(() -> {
            pacer.join(other);
            pacer.join(member);
            pacer.wake();
        }).get(10, TimeUnit.SECONDS);
        Await.until("both have a pass", Duration.ofSeconds(10), () -> other.place > 0 && member.place > 0);
        assertEquals(List.of(1, 2), List.of(member.place, other.place));
        loop.submit(() -> pacer.leave(member)).get(10, TimeUnit.SECONDS);
        int before = member.passes.get();
        int after = other.passes.get() + 1;
        pacer.wake();
        Await.until("who is left has another", Duration.ofSeconds(10), () -> other.passes.get() == after);
        assertEquals(before, member.passes.get());
    }
}
