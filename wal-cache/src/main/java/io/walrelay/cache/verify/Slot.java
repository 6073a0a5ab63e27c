package io.walrelay.cache.verify;

import io.walrelay.cache.verify.Course.Copy;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** A segment that is being read: one copy of it record by record, the others for their checksums alone. Confined to one thread. */
final class Slot implements AutoCloseable {

    private final FileReading files;
    private final int ahead;
    private final List<Copy> copies;
    private final Map<StoredFile, CompletableFuture<Outcome>> aside = new LinkedHashMap<>();
    private final Map<StoredFile, Outcome> outcomes = new LinkedHashMap<>();
    private @Nullable Copy reading;
    private @Nullable Feed feed;

    /** @param copies at least one; those of the first one's lineage belong to this segment, others are read elsewhere, too */
    Slot(FileReading files, int ahead, List<Copy> copies) {
        this.files = files;
        this.ahead = ahead;
        this.copies = copies;
        begin(copies.getFirst());
    }

    /** Begins to read the copies for their checksums that are not read for their records. */
    void readOthers(Executor executor) {
        own().stream().skip(1).forEach(file -> aside.put(file, CompletableFuture.supplyAsync(() -> files.read(file), executor)));
    }

    List<Copy> copies() {
        return copies;
    }

    private List<StoredFile> own() {
        StoredFile first = copies.getFirst().file();
        return copies.stream().map(Copy::file).filter(file -> file.lineage().id().equals(first.lineage().id())).toList();
    }

    private Feed begin(Copy copy) {
        reading = copy;
        feed = new Feed(files, copy.file(), ahead);
        return feed;
    }

    /** Takes bytes of a copy; 0 when it has no more. */
    int read(Copy copy, long offset, ByteBuffer into) throws InterruptedException {
        Feed present = feed;
        if (present == null || !copy.equals(reading) || present.isPast(offset)) {
            finishFeed();
            present = begin(copy);
        }
        return present.read(offset, into);
    }

    private void finishFeed() throws InterruptedException {
        if (feed != null && reading != null) {
            outcomes.put(reading.file(), feed.finish());
            feed = null;
        }
    }

    /** What became of each copy that belongs here; waits until all are read. */
    Map<StoredFile, Outcome> finish() throws InterruptedException {
        finishFeed();
        for (Map.Entry<StoredFile, CompletableFuture<Outcome>> entry : aside.entrySet()) {
            try {
                outcomes.putIfAbsent(entry.getKey(), entry.getValue().get());
            } catch (ExecutionException e) {
                throw new IllegalStateException("%s could not be read".formatted(entry.getKey()), e.getCause());
            }
        }
        return outcomes;
    }

    @Override
    public void close() {
        if (feed != null) {
            feed.close();
        }
        aside.values().forEach(future -> future.cancel(false));
    }
}
