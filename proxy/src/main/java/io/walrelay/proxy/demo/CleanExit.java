package io.walrelay.proxy.demo;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Lets the thread that made this clean up before a signal (Ctrl-C, SIGTERM) ends the process: it is interrupted, and waited for until it
 * closes this. Without that, what it is just making would be made after everything was deleted.
 */
public final class CleanExit implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final Thread owner = Thread.currentThread();
    private final CountDownLatch clean = new CountDownLatch(1);
    private final Thread hook = Thread.ofPlatform().name("clean-exit").unstarted(this::awaitOwner);

    public CleanExit() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void awaitOwner() {
        owner.interrupt();
        try {
            clean.await(LIMIT.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether the process is ending, so that what fails now fails because of that. */
    public boolean isExiting() {
        return hook.getState() != Thread.State.NEW;
    }

    /** Everything is cleaned up. */
    @Override
    public void close() {
        clean.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException exiting) {
            return;
        }
    }
}
