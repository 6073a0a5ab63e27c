package io.walrelay.proxy.upstream;

import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Wakes the control thread before its pause is over. A call that comes while it works is not lost. Thread-safe. */
final class Wakeup {

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private boolean called;

    void call() {
        lock.lock();
        try {
            called = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits for a call, at most {@code limit}. */
    void await(Duration limit) throws InterruptedException {
        lock.lock();
        try {
            long nanos = limit.toNanos();
            while (!called && nanos > 0) {
                nanos = changed.awaitNanos(nanos);
            }
            called = false;
        } finally {
            lock.unlock();
        }
    }
}
