package io.walrelay.cache;

import io.walrelay.cache.archive.Archive;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Which lineages the archive has something of. What was found is believed for a moment. Thread-safe; may block. */
final class KnownLineages {

    private static final long BELIEVED_NANOS = Duration.ofSeconds(2).toNanos();

    private final ArchivedWal archive;
    /** A directory's lineage never changes. */
    private final Map<String, TimelineHistory> byDirectory = new HashMap<>();

    private List<TimelineHistory> last = List.of();
    private long askedAt;
    private boolean asked;

    KnownLineages(ArchivedWal archive) {
        this.archive = archive;
    }

    /** @throws IOException when the archive can't be asked */
    synchronized List<TimelineHistory> all() throws IOException {
        if (!asked || System.nanoTime() - askedAt > BELIEVED_NANOS) {
            last = ask(archive.archive());
            askedAt = System.nanoTime();
            asked = true;
        }
        return last;
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
        asked = false;
    }
}
