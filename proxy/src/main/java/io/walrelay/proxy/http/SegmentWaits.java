package io.walrelay.proxy.http;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Requests that wait for a segment to become whole. Thread-safe. */
final class SegmentWaits {

    private final Set<Wait> waits = ConcurrentHashMap.newKeySet();

    /** One request's; ended by whoever began it. */
    final class Wait {
        private final Semaphore news = new Semaphore(0);
        private volatile boolean over;

        private Wait() {}

        /** From now on news is remembered: what was looked at before this call is looked at again after it comes. */
        void forget() {
            news.drainPermits();
        }

        /** Waits for news since the last {@link #forget}; returns false when there is none in time, or nobody wants it any more. */
        boolean await(long nanos) throws InterruptedException {
            return !over && news.tryAcquire(Math.max(nanos, 0), TimeUnit.NANOSECONDS) && !over;
        }

        /** Whether nobody wants it any more. */
        boolean isOver() {
            return over;
        }

        /** Whoever asked has gone. */
        void end() {
            over = true;
            waits.remove(this);
            news.release();
        }
    }

    Wait begin() {
        Wait wait = new Wait();
        waits.add(wait);
        return wait;
    }

    /** A segment has become whole, or the timeline has changed. */
    void wake() {
        waits.forEach(wait -> wait.news.release());
    }
}
