package io.walrelay.cache;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Makes WAL durable when nobody waits for it. After a flush it rests for four times as long as the flush took, 10 to 100 ms, unless
 * 16 MB gather before: a slow disk gets few large flushes instead of many that keep it busy, and what is not flushed stays
 * bounded in time and bytes. When a commit waits, the writer flushes by itself and this finds nothing to do.
 */
public final class GroupFsync implements AutoCloseable {

    private static final int REST_PER_FLUSH = 4;
    private static final long SHORTEST_REST_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
    private static final long LONGEST_REST_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long LARGEST_WAIT_BYTES = 16 << 20;

    private final WalWriter writer;
    private final Runnable whenFlushed;
    private final Consumer<IOException> whenFailed;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Thread thread;
    private volatile boolean idle;
    private boolean closed;

    /* Confined to the flusher's thread. */
    private long restNanos = SHORTEST_REST_NANOS;

    GroupFsync(WalWriter writer, Runnable whenFlushed, Consumer<IOException> whenFailed) {
        this.writer = writer;
        this.whenFlushed = whenFlushed;
        this.whenFailed = whenFailed;
        this.thread = Thread.ofPlatform().name("wal-flusher").daemon().unstarted(this::run);
    }

    public void start() {
        thread.start();
    }

    /** There is more to make durable. Called by the WAL writer after each publication; cheap unless the thread must be woken. */
    public void wrote(EndOfWal end) {
        if (idle || end.written().minus(end.flushed()) >= LARGEST_WAIT_BYTES) {
            lock.lock();
            try {
                changed.signal();
            } finally {
                lock.unlock();
            }
        }
    }

    private void run() {
        try {
            while (waitForWork()) {
                long began = System.nanoTime();
                writer.flush();
                restNanos = Math.clamp(REST_PER_FLUSH * (System.nanoTime() - began), SHORTEST_REST_NANOS, LONGEST_REST_NANOS);
                whenFlushed.run();
            }
        } catch (IOException e) {
            whenFailed.accept(e);
        } catch (RuntimeException e) {
            whenFailed.accept(new IOException("could not make WAL durable", e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean waitForWork() throws InterruptedException {
        lock.lock();
        try {
            while (!closed && !isPending()) {
                idle = true;
                // Looked at again after idle is visible: a writer that published before that did not see it and won't signal.
                if (!isPending()) {
                    changed.await();
                }
                idle = false;
            }
            long nanos = restNanos;
            while (!closed && nanos > 0 && unflushed() < LARGEST_WAIT_BYTES) {
                nanos = changed.awaitNanos(nanos);
            }
            return !closed;
        } finally {
            lock.unlock();
        }
    }

    /** Also when all is flushed and could not be settled, because the disk was full: a commit may wait for that. */
    private boolean isPending() {
        EndOfWal end = writer.end();
        return end.written().isAfter(end.flushed()) || end.lastRecord().isAfter(end.acknowledgeable());
    }

    private long unflushed() {
        EndOfWal end = writer.end();
        return end.written().minus(end.flushed());
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
