package io.walrelay.proxy.upstream;

import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** The event loop that the streams' channels live on: the only thread that writes WAL and changes timelines. Thread-safe. */
record WalWriterThread(EventLoopGroup group) {

    /** Does {@code work} there and waits for it. */
    <T> T call(Callable<T> work) throws IOException, InterruptedException {
        CompletableFuture<T> done = new CompletableFuture<>();
        execute(() -> {
            try {
                done.complete(work.call());
            } catch (Throwable e) {
                // Whatever it is: somebody waits for it, and nobody else would tell.
                done.completeExceptionally(e);
            }
        });
        try {
            return done.get();
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case IOException failed -> throw failed;
                case RuntimeException failed -> throw failed;
                case null, default -> throw new IllegalStateException("the WAL writer thread failed", e.getCause());
            }
        }
    }

    void execute(Runnable work) {
        group.next().execute(work);
    }
}
