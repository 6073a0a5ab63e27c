package io.walrelay.proxy.upstream;

import io.walrelay.cache.GroupFsync;
import io.walrelay.cache.WalCache;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The stream that runs, if one does, and what makes its WAL durable. Thread-safe, but for {@link #fsync}, which is the control thread's. */
final class RunningStream implements AutoCloseable {

    private final Room room;
    private final Consumer<IOException> fatal;
    private final AtomicReference<@Nullable WalStream> running = new AtomicReference<>();
    private volatile @Nullable GroupFsync fsync;

    RunningStream(Room room, Consumer<IOException> fatal) {
        this.room = room;
        this.fatal = fatal;
    }

    void started(WalStream stream) {
        running.set(stream);
        // What was said before it was known here.
        stream.lookAgain();
    }

    /** Whatever became of it: one that did not end by itself is ended before anything else is done on the WAL writer thread. */
    void ended() {
        WalStream stream = running.getAndSet(null);
        if (stream != null && !stream.end().isDone()) {
            stream.stop();
        }
    }

    void hold(boolean hold) {
        room.hold(hold);
        WalStream stream = running.get();
        if (stream != null) {
            stream.lookAgain();
        }
    }

    void stop() {
        WalStream stream = running.get();
        if (stream != null) {
            stream.stop();
        }
    }

    GroupFsync fsync(WalCache cache) {
        GroupFsync existing = fsync;
        if (existing == null) {
            existing = cache.groupFsync(this::flushed, fatal);
            existing.start();
            fsync = existing;
        }
        return existing;
    }

    /** More may be acknowledged. */
    void flushed() {
        WalStream stream = running.get();
        if (stream != null) {
            stream.flushed();
        }
    }

    @Override
    public void close() {
        GroupFsync flusher = fsync;
        if (flusher != null) {
            flusher.close();
        }
    }
}
