package io.walrelay.proxy.demo;

import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Waits until something observed from outside is so: a server's state, a query's answer, a line in a log. Polls, because
 * what is watched has no way to wake us. The wait happens on the calling thread.
 */
public final class Await {

    private static final long SHORTEST_PAUSE_NANOS = 1_000_000;
    private static final long LONGEST_PAUSE_NANOS = 50_000_000;

    private Await() {}

    /** Reads what is watched. An exception counts as "not yet" and is told when the limit passes. */
    @FunctionalInterface
    public interface Probe<T extends @Nullable Object> {
        T read() throws Exception;
    }

    /** The limit passed; the message names what was waited for and the last value that was seen. */
    public static final class TimedOut extends RuntimeException {
        private static final long serialVersionUID = 1;

        TimedOut(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /**
     * Reads {@code probe} until {@code accepted} holds for its value, which is returned.
     *
     * @param what finishes the sentence "waited for …"
     * @throws TimedOut when {@code limit} has passed
     */
    public static <T extends @Nullable Object> T until(
            String what, Duration limit, Probe<T> probe, Predicate<? super T> accepted) {
        long begin = System.nanoTime();
        long pause = SHORTEST_PAUSE_NANOS;
        while (true) {
            String seen;
            Exception failure = null;
            try {
                T value = probe.read();
                if (accepted.test(value)) {
                    return value;
                }
                seen = String.valueOf(value);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw interrupted(what);
            } catch (Exception e) {
                failure = e;
                seen = e.toString();
            }
            if (System.nanoTime() - begin >= limit.toNanos()) {
                throw new TimedOut("waited %s for %s; last seen: %s".formatted(limit, what, seen), failure);
            }
            LockSupport.parkNanos(pause);
            if (Thread.currentThread().isInterrupted()) {
                throw interrupted(what);
            }
            pause = Math.min(pause * 2, LONGEST_PAUSE_NANOS);
        }
    }

    /** Reads {@code condition} until it is true; for conditions whose value says nothing more than that. */
    public static void until(String what, Duration limit, Probe<Boolean> condition) {
        until(what, limit, condition, holds -> holds);
    }

    private static CancellationException interrupted(String what) {
        return new CancellationException("interrupted while waiting for " + what);
    }
}
