package io.walrelay.cache.background;

import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A thread that works until it is closed, and rests in between. Closing does not interrupt what it is at: that would close the files that it shares
 * with others. Thread-safe; whoever starts it closes it.
 */
public final class BackgroundThread {

    /** Asks {@link BackgroundThread#isClosed} as often as it can end. */
    @FunctionalInterface
    public interface Work {
        void run() throws InterruptedException;
    }

    private final Thread thread;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition closing = lock.newCondition();
    private volatile boolean closed;

    public BackgroundThread(String name, Work work) {
        this.thread = Thread.ofPlatform().name(name).daemon().unstarted(() -> {
            try {
                work.run();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    public void start() {
        thread.start();
    }

    public boolean isClosed() {
        return closed;
    }

    /** Any thread may rest here; nobody does for longer than until this is closed. */
    public void rest(Duration time) throws InterruptedException {
        lock.lock();
        try {
            long left = time.toNanos();
            while (!closed && left > 0) {
                left = closing.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Wakes who rests, and waits for the end of the work, but not for longer than {@code most}. One that was not started has no work. */
    public void close(Duration most) {
        tellToEnd();
        if (thread.getState() == Thread.State.NEW) {
            return;
        }
        try {
            var _ = thread.join(most);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void tellToEnd() {
        lock.lock();
        try {
            closed = true;
            closing.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** As {@link #close(Duration)}, of work that waits for others in ways of its own: interrupts it, and waits for its end however long that takes. */
    public void interrupt() {
        tellToEnd();
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
