package io.walrelay.cache;

import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.SegmentId;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Prepares the next segment's file while the present one is written, so that the writer never waits for 16 MB of zeros.
 *
 * <p>Files are filled with zeros and synced beforehand, as pg_receivewal does: syncing WAL later then changes no metadata of
 * the file, and a full disk shows here and not in the middle of a record. {@link #take} belongs to the WAL writer.
 */
final class SegmentAllocator implements AutoCloseable {

    private record Prepared(String name, Storage.File file) {}

    private final SegmentFiles files;
    private final ExecutorService worker = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("wal-allocator").daemon().factory());
    private int sequence;
    private CompletableFuture<Prepared> next;

    SegmentAllocator(SegmentFiles files) {
        this.files = files;
        this.next = prepare();
    }

    private CompletableFuture<Prepared> prepare() {
        String name = SegmentFiles.unfinishedName(sequence++);
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return new Prepared(name, files.createZeroed(name));
                    } catch (IOException e) {
                        throw new CompletionException(e);
                    }
                },
                worker);
    }

    /**
     * A zeroed file that bears the name of segment {@code id}.
     *
     * @throws DiskFullException when there is no room for it; a later call tries again
     */
    Storage.File take(SegmentId id) throws IOException {
        if (next.isCompletedExceptionally()) {
            // That was when it was prepared; there may be room by now.
            next = prepare();
        }
        Prepared prepared;
        try {
            prepared = next.join();
        } catch (CompletionException e) {
            throw DiskFullException.orAsItIs(asIoException(e));
        }
        files.beginSegment(prepared.name, id);
        next = prepare();
        return prepared.file;
    }

    private static IOException asIoException(CompletionException e) {
        return e.getCause() instanceof IOException io ? io : new IOException("could not prepare a segment file", e.getCause());
    }

    @Override
    public void close() throws IOException {
        worker.close();
        if (!next.isCompletedExceptionally()) {
            Prepared unused = next.join();
            unused.file.close();
            files.deletePlain(unused.name);
        }
    }
}
