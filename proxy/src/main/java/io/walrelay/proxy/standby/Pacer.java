package io.walrelay.proxy.standby;

import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides when the streaming sessions of one event loop are written to: all of them in one pass, then a rest.
 *
 * <pre>
 *   WAL ─▶ wake ─▶ pass (takes t) ─▶ rest for 9·t, at most 1/max-write-rate ─▶ pass with all that came meanwhile …
 * </pre>
 *
 * <p>Resting for nine times what the pass took bounds the loop's share of a core at a tenth, however many sessions there are,
 * until the rate limit lets passes come more often than that. With few sessions t is some microseconds and WAL goes out at
 * once; with hundreds each pass carries what arrived in some milliseconds, and the number of writes, which is what fan-out
 * costs, no longer grows with the number of messages that upstream sends. Sessions that commits wait for have passes of their own, before
 * the others' and without rest.
 *
 * <p>{@link #wake} may be called by any thread, all else belongs to the event loop.
 */
final class Pacer {

    private static final Logger log = LoggerFactory.getLogger(Pacer.class);

    /** One session as the pacer sees it. All methods are called on the event loop. */
    interface Paced {
        /** One of the passes over all sessions. {@code delayNanos}: how long the newest WAL waited for it. */
        void onPass(long delayNanos);

        /** Called about every second. {@code now} as System.nanoTime. */
        void onTick(long now);

        /** Whether commits upstream wait for it: the same all the time. */
        default boolean isWaitedFor() {
            return false;
        }

        /** One of the others threw {@code cause}, which is a fault of ours: the session has to leave. */
        void broken(Throwable cause);
    }

    private static final int REST_PER_WORK = 9;

    /** Sessions that have their passes together. */
    private final class Group {

        private final int restPerWork;
        private final List<Paced> senders = new ArrayList<>();
        private final AtomicBoolean scheduled = new AtomicBoolean();
        private final Runnable arrive = this::arrive;
        private final Runnable pass = this::pass;
        private long restUntil = System.nanoTime();
        private volatile long wokenAt;
        /** Nobody to wake. A sender first joins and then looks where WAL ends, so it misses nothing that came before. */
        private volatile boolean idle = true;

        Group(int restPerWork) {
            this.restPerWork = restPerWork;
        }

        void wake() {
            if (!idle && !scheduled.get() && scheduled.compareAndSet(false, true)) {
                wokenAt = System.nanoTime();
                loop.execute(arrive);
            }
        }

        void join(Paced sender) {
            senders.add(sender);
            idle = false;
        }

        void leave(Paced sender) {
            senders.remove(sender);
            idle = senders.isEmpty();
        }

        private void arrive() {
            long rest = restUntil - System.nanoTime();
            if (rest > 0) {
                loop.schedule(pass, rest, TimeUnit.NANOSECONDS);
            } else {
                pass();
            }
        }

        private void pass() {
            long began = System.nanoTime();
            long delay = began - wokenAt;
            // Before the end of WAL is read: what is published from here on wakes us again.
            scheduled.set(false);
            if (senders.isEmpty()) {
                return;
            }
            frames.begin();
            try {
                // A copy: a session that fails leaves while we go round.
                for (Paced sender : senders.toArray(new Paced[0])) {
                    try {
                        sender.onPass(delay);
                    } catch (RuntimeException | OutOfMemoryError e) {
                        end(sender, e);
                    }
                }
            } finally {
                frames.end();
            }
            delays.record(delay);
            long ended = System.nanoTime();
            restUntil = ended + Math.min(restPerWork * (ended - began), longestRestNanos);
        }

        void tick(long now) {
            for (Paced sender : senders.toArray(new Paced[0])) {
                try {
                    sender.onTick(now);
                } catch (RuntimeException | OutOfMemoryError e) {
                    end(sender, e);
                }
            }
        }
    }

    private final EventLoop loop;
    private final long longestRestNanos;
    private final long tickMillis;
    private final DelayHistogram delays;
    private final SharedFrames frames = new SharedFrames();
    private final Group waitedFor = new Group(0);
    private final Group others = new Group(REST_PER_WORK);
    private @Nullable ScheduledFuture<?> ticking;

    Pacer(EventLoop loop, StandbyLimits limits, DelayHistogram delays) {
        this.loop = loop;
        this.longestRestNanos = TimeUnit.SECONDS.toNanos(1) / limits.maxWriteRate();
        this.tickMillis = Math.clamp(limits.senderTimeout().toMillis() / 20, 5, 1_000);
        this.delays = delays;
    }

    /** There is more WAL. One pass is scheduled however often this is called before it begins. */
    void wake() {
        waitedFor.wake();
        others.wake();
    }

    SharedFrames frames() {
        return frames;
    }

    private Group groupOf(Paced sender) {
        return sender.isWaitedFor() ? waitedFor : others;
    }

    void join(Paced sender) {
        groupOf(sender).join(sender);
        if (ticking == null) {
            ticking = loop.scheduleAtFixedRate(this::tick, tickMillis, tickMillis, TimeUnit.MILLISECONDS);
        }
    }

    void leave(Paced sender) {
        groupOf(sender).leave(sender);
        ScheduledFuture<?> timer = ticking;
        if (waitedFor.idle && others.idle && timer != null) {
            timer.cancel(false);
            ticking = null;
        }
    }

    private void tick() {
        long now = System.nanoTime();
        waitedFor.tick(now);
        others.tick(now);
    }

    /**
     * Lets go of one session that threw: the others, and the timer of all, go on. Also when there was no more direct memory, which
     * the JVM calls by the same name as an end of the heap, but does not exit for.
     */
    static void end(Paced session, Throwable cause) {
        log.error("a stream of WAL broke; its connection is closed", cause);
        try {
            session.broken(cause);
        } catch (RuntimeException | OutOfMemoryError e) {
            log.error("a session that broke could not be ended", e);
        }
    }
}
