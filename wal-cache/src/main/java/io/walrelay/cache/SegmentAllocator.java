package io.walrelay.cache;

import io.walrelay.cache.SegmentFiles.Room;
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
 * <p>The room is taken beforehand, so that a full disk shows here and not in the middle of a record. While WAL comes at the pace of
 * commits, files are filled with zeros, as pg_receivewal does: syncing them later changes no metadata. While it rushes in, after a start or a
 * stall, a segment is synced once or twice, and writing it twice would only take the disk from the primary.
 *
 * <p>{@link #take} belongs to the WAL writer.
 */
final class SegmentAllocator implements AutoCloseable {

    private record Prepared(String name, Storage.File file) {}

    /** WAL rushes in while a megabyte takes less than this: 32 MB/s. */
    private static final long RUSH_NANOS_PER_MB = 31_000_000;

    private final SegmentFiles files;
    private final long rushNanos;
    private final ExecutorService worker = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("wal-allocator").daemon().factory());
    private int sequence;
    private CompletableFuture<Prepared> next;
    private long taken;

    SegmentAllocator(SegmentFiles files) {
        this.files = files;
        this.rushNanos = RUSH_NANOS_PER_MB * files.size().bytes() / (1 << 20);
        this.next = prepare(Room.WRITTEN);
        this.taken = System.nanoTime() - rushNanos;
    }

    private CompletableFuture<Prepared> prepare(Room room) {
        String name = SegmentFiles.unfinishedName(sequence++);
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return new Prepared(name, files.createZeroed(name, room));
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
            next = prepare(Room.RESERVED);
        }
        Prepared prepared;
        try {
            prepared = next.join();
        } catch (CompletionException e) {
            throw DiskFullException.orAsItIs(asIoException(e));
        }
        files.beginSegment(prepared.name, id);
        long now = System.nanoTime();
        next = prepare(now - taken < rushNanos ? Room.RESERVED : Room.WRITTEN);
        taken = now;
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
