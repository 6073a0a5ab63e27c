package io.walrelay.rewind;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;

/**
 * What another thread finds out while this one does something else. What it uses it has for itself until it has answered, which closing waits for. Confined to
 * one thread.
 */
final class Ahead<T> implements Closeable {

    private final String what;
    private final Thread thread;
    private final FutureTask<T> answer;

    private Ahead(String what, Callable<T> question) {
        this.what = what;
        this.answer = new FutureTask<>(question);
        this.thread = Thread.ofPlatform().daemon().name("ahead: " + what).unstarted(answer);
    }

    /** @param what finishes the sentence "could not find out …"; the thread is called so */
    static <T> Ahead<T> ask(String what, Callable<T> question) {
        Ahead<T> ahead = new Ahead<>(what, question);
        ahead.thread.start();
        return ahead;
    }

    /** Throws what {@link #get} would, if the question is known to have failed; waits for nothing. */
    void requireNoFault() throws IOException {
        if (answer.state() == Future.State.FAILED) {
            var _ = get();
        }
    }

    /** Waits for the answer; throws what the question has thrown. */
    T get() throws IOException {
        try {
            return answer.get();
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case IOException fault -> throw fault;
                case RuntimeException fault -> throw fault;
                case Error fault -> throw fault;
                case null, default -> throw new IllegalStateException("could not find out %s".formatted(what), e);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while finding out %s".formatted(what));
        }
    }

    /** An answer that is not there yet is of no use any more. */
    @Override
    public void close() {
        thread.interrupt();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
