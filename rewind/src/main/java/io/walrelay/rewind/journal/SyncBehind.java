package io.walrelay.rewind.journal;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has files made durable that were written, while others are: a disk that is busy from the beginning is done soon after the end. What is told of a failure
 * here is told nowhere else, so it is for ever. Confined to one thread.
 */
final class SyncBehind {

    private static final Logger log = LoggerFactory.getLogger(SyncBehind.class);

    private final Disk disk;
    private final Set<Path> written = new LinkedHashSet<>();
    private Future<?> begun = CompletableFuture.completedFuture(null);

    SyncBehind(Disk disk) {
        this.disk = disk;
    }

    /** A file has bytes that are not durable. */
    void wrote(Path file) {
        written.add(file);
    }

    /** Begins with all that were written since the last time; first ends with those. */
    void begin() throws IOException {
        await();
        if (!written.isEmpty()) {
            begun = disk.beginSync(List.copyOf(written));
            written.clear();
        }
    }

    /** Nothing is done any more then. For who needs none of it to be durable. */
    void end() {
        try {
            await();
        } catch (IOException | RuntimeException e) {
            log.debug("what was overwritten could not be made durable", e);
        }
    }

    /** @throws IOException a file could not be made durable, now or before */
    void await() throws IOException {
        try {
            var _ = begun.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException failure) {
                throw failure;
            }
            throw new IllegalStateException("files can't be made durable", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while files are made durable");
        }
    }
}
