package io.walrelay.cache;

import io.walrelay.cache.background.BackgroundThread;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the change index of whole segments that have none: those that were there at the start, that came otherwise than one after the other, whose
 * index was damaged. The newest first, since a rewind is from where servers parted lately; half of the time at most, for it is in no hurry.
 *
 * <p>A thread of its own; started and closed by whoever starts and closes the verifier.
 */
public final class HeldIndexing implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(HeldIndexing.class);
    private static final Duration LOOK = Duration.ofSeconds(2);
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    /** A segment that has no index, and the lineage whose it is. */
    private record Missing(TimelineHistory lineage, String directory, SegmentId id) {}

    private final WalCache cache;
    private final WalVerifier verifier;
    private final SegmentSize size;
    private final ChangeIndex index;
    private final BackgroundThread thread;

    /** Of which none can be made: they are damaged, or end inside a record whose rest is not there. Confined to the thread. */
    private final Set<Missing> given = new HashSet<>();

    HeldIndexing(WalCache cache, WalVerifier verifier) {
        this.cache = cache;
        this.verifier = verifier;
        this.size = cache.segmentSize();
        this.index = cache.changeIndex();
        this.thread = new BackgroundThread("change-index", this::run);
    }

    public void start() {
        thread.start();
    }

    private void run() throws InterruptedException {
        while (!thread.isClosed()) {
            Optional<Missing> missing = missing().filter(it -> !given.contains(it)).findFirst();
            if (missing.isPresent()) {
                long begun = System.nanoTime();
                make(missing.get());
                thread.rest(Duration.ofNanos(System.nanoTime() - begun));
            } else {
                thread.rest(LOOK);
            }
        }
    }

    private void make(Missing missing) {
        try {
            index.make(missing.lineage, missing.id);
        } catch (IOException e) {
            given.add(missing);
            log.info("segment {} has no change index: {}", missing.id, e.getMessage());
        }
    }

    /** What the verifier has still to read it makes itself. */
    private Stream<Missing> missing() {
        TimelineHistory own = cache.end().lineage();
        Stream<Missing> held = cache.files().all().stream()
                .filter(SegmentFiles.Held::whole)
                .map(SegmentFiles.Held::id)
                .filter(id -> isWhose(own, id) && id.end(size).isAtMost(verifier.verifiedOn(own)))
                .sorted(Comparator.reverseOrder())
                .map(id -> new Missing(own, SegmentFiles.WAL, id));
        List<Orphan> orphans = cache.orphans();
        Stream<Missing> orphaned = cache.files().orphaned().stream()
                .filter(file -> file.held().whole())
                .flatMap(file -> orphans.stream()
                        .filter(orphan -> SegmentFiles.orphanDirectory(orphan.lineage()).equals(file.directory()) && isWhose(orphan.lineage(), file.held().id()))
                        .map(orphan -> new Missing(orphan.lineage(), file.directory(), file.held().id())));
        return Stream.concat(orphaned, held).filter(it -> !index.has(it.directory, it.id));
    }

    /** A segment that the lineage leaves before its end has bytes that are not the lineage's. */
    private boolean isWhose(TimelineHistory lineage, SegmentId id) {
        return index.segmentOf(lineage, id.start(size)).equals(id);
    }

    @Override
    public void close() {
        thread.close(PATIENCE);
    }
}
