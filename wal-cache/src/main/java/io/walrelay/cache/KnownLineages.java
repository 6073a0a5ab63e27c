package io.walrelay.cache;

import io.walrelay.cache.archive.Archive;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Which lineages the archive has something of. It is asked once for all who want to know, and what came of it, a failure as well, is believed for a
 * moment. An older answer is never given in place of one that does not come: what it lacks may be there by now. Thread-safe; may block.
 */
final class KnownLineages {

    private static final long BELIEVED_NANOS = Duration.ofSeconds(2).toNanos();

    private final ArchivedWal archive;
    private final Duration patience;
    /** A directory's lineage never changes. */
    private final Map<String, TimelineHistory> byDirectory = new ConcurrentHashMap<>();

    private @Nullable Look last;

    /** One time that the archive is asked. */
    private static final class Look {
        private final CompletableFuture<List<TimelineHistory>> answer = new CompletableFuture<>();
        private final long begun = System.nanoTime();
        private volatile long ended;

        boolean isOld() {
            return answer.isDone() && System.nanoTime() - ended > BELIEVED_NANOS;
        }
    }

    /** @param patience how long the archive may take; what it answers later is for those who ask again */
    KnownLineages(ArchivedWal archive, Duration patience) {
        this.archive = archive;
        this.patience = patience;
    }

    /** @throws IOException when the archive can't be asked, or does not answer */
    List<TimelineHistory> all() throws IOException {
        Look look = look();
        try {
            long left = patience.toNanos() - (System.nanoTime() - look.begun);
            return look.answer.get(Math.max(0, left), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException io ? io : new IOException("could not ask the archive which lineages it has", e.getCause());
        } catch (TimeoutException e) {
            throw new IOException("the archive has not said within %d s which lineages it has".formatted(patience.toSeconds()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the archive was asked which lineages it has", e);
        }
    }

    private synchronized Look look() {
        Look look = last;
        if (look == null || look.isOld()) {
            Look next = new Look();
            last = next;
            var _ = Thread.ofVirtual().name("archive-lineages").start(() -> ask(next));
            return next;
        }
        return look;
    }

    private void ask(Look look) {
        try {
            List<TimelineHistory> found = ask(archive.archive());
            look.ended = System.nanoTime();
            look.answer.complete(found);
        } catch (IOException | RuntimeException | Error e) {
            look.ended = System.nanoTime();
            look.answer.completeExceptionally(e);
        }
    }

    private List<TimelineHistory> ask(Archive open) throws IOException {
        List<TimelineHistory> found = new ArrayList<>();
        for (String directory : open.lineages()) {
            TimelineHistory known = byDirectory.get(directory);
            Optional<TimelineHistory> lineage = known == null ? open.lineage(directory) : Optional.of(known);
            lineage.ifPresent(l -> {
                byDirectory.put(directory, l);
                found.add(l);
            });
        }
        return List.copyOf(found);
    }

    /** Somebody has put something: what was asked before may be too little. */
    synchronized void forget() {
        last = null;
    }
}
