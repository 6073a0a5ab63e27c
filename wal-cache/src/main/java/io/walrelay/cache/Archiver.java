package io.walrelay.cache;

import io.walrelay.cache.ArchivePlan.Item;
import io.walrelay.cache.ArchivePlan.Place;
import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.retention.Retention.Archival;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts what {@link ArchivePlan} says into the archive, a few at a time. What has been archived is remembered on the disk lazily: a file that is
 * archived once more is found to be there. After a failure everything rests, longer each time.
 *
 * <p>One thread decides, others carry; methods are thread-safe. Whoever starts it closes it.
 */
public final class Archiver implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Archiver.class);

    private static final int PARALLEL = 4;
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final long LAST_TRANSFERS_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long SAVE_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** Who wants to know. Called on any thread; must be quick. */
    public interface Listener {
        /** Another object has the name; ours lies beside it. */
        void conflict(String file, String key);

        /** WAL between went before it was archived. */
        void gap(Lsn from, Lsn to);

        /** The first failure after a success, and each whose reason is another. */
        void failed(String reason);

        void recovered();
    }

    /**
     * @param from where the archive's own WAL begins that has no hole up to {@code archived}
     * @param waiting files that are still to be archived
     * @param done files that were archived since the start, those that were there already included
     * @param failures of puts since the start
     * @param conflicts files whose name something else has, since the start
     * @param problem why nothing can be archived now
     */
    public record Status(Lsn from, Lsn archived, int waiting, long done, long failures, long conflicts, Optional<String> problem) {}

    private final WalCache cache;
    private final ArchivedWal archive;
    private final WalVerifier verifier;
    private final Predicate<SegmentId> never;
    private final Listener listener;
    private final ArchiveProgress.File file;
    private final SegmentSize size;
    private final Thread thread;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    /* Guarded by the lock. */
    private ArchiveProgress progress;
    /** What the next run will know. */
    private ArchiveProgress saved;
    private final Set<ArchivedName> underWay = new HashSet<>();
    private final Map<ArchivedName, CompletableFuture<Boolean>> awaited = new HashMap<>();
    private final PutFaults faults = new PutFaults();
    private @Nullable String problem;
    private int waiting;
    private long done;
    private long allFailures;
    private long conflicts;
    private boolean unsaved;
    private boolean closed;

    /** @param never segments that are not archived */
    Archiver(
            WalCache cache,
            ArchivedWal archive,
            WalVerifier verifier,
            Predicate<SegmentId> never,
            ArchiveProgress.File file,
            ArchiveProgress progress,
            Listener listener) {
        this.cache = cache;
        this.archive = archive;
        this.verifier = verifier;
        this.never = never;
        this.file = file;
        this.progress = progress;
        this.saved = progress;
        this.listener = listener;
        this.size = cache.segmentSize();
        archive.liesElsewhere(progress.elsewhere());
        this.thread = Thread.ofPlatform().name("archiver").daemon().unstarted(this::run);
    }

    public void start() {
        thread.start();
    }

    public Status status() {
        lock.lock();
        try {
            return new Status(progress.from(), progress.archived(), waiting, done, allFailures, conflicts, Optional.ofNullable(problem));
        } finally {
            lock.unlock();
        }
    }

    /**
     * Files are about to be deleted from the archive: that they are there is not said any more, nor by the next run.
     *
     * @return what was known before, for {@link #takeBack}
     * @throws IOException when that could not be remembered; they must not be deleted then
     */
    ArchiveProgress forget(Collection<ArchivedName> names) throws IOException {
        lock.lock();
        try {
            ArchiveProgress before = progress;
            update(progress.without(names, size));
            archive.liesElsewhere(progress.elsewhere());
            write();
            return before;
        } finally {
            lock.unlock();
        }
    }

    /** What was forgotten since {@code before} is there nevertheless, but for {@code gone}. */
    void takeBack(ArchiveProgress before, Collection<ArchivedName> gone) {
        lock.lock();
        try {
            update(progress.takingBack(before).without(gone, size));
            archive.liesElsewhere(progress.elsewhere());
        } finally {
            lock.unlock();
        }
    }

    /** Own WAL before {@code position} was found to be deleted; {@code lineage} is whose was looked for. */
    void beginsAt(TimelineHistory lineage, Lsn position) {
        lock.lock();
        try {
            if (progress.lineage().equals(lineage)) {
                update(progress.beginningAt(position));
            }
        } finally {
            lock.unlock();
        }
    }

    ArchiveProgress progress() {
        lock.lock();
        try {
            return progress;
        } finally {
            lock.unlock();
        }
    }

    /** Whether more waits than is under way at one time. */
    boolean isBusy() {
        lock.lock();
        try {
            return waiting > PARALLEL;
        } finally {
            lock.unlock();
        }
    }

    /** What the archive has of a segment in {@code wal/}. */
    Archival ofOwn(SegmentFiles.Held held, TimelineHistory own) {
        TimelineId timeline = held.id().timeline();
        boolean goesThere = own.contains(timeline) && !never.test(held.id()) && (held.whole() || own.switchPointOf(timeline).isPresent());
        return goesThere ? archival(new ArchivedName(own.upTo(timeline), held.fileName(), size)) : Archival.NONE;
    }

    /** What the archive has of a segment past a fork. */
    Archival ofOrphan(SegmentFiles.Orphaned file, List<Orphan> orphans) {
        return ArchivePlan.nameOf(file, orphans, size).map(this::archival).orElse(Archival.NONE);
    }

    private Archival archival(ArchivedName name) {
        return isArchived(name) ? Archival.DONE : Archival.PENDING;
    }

    /**
     * Remembers it before it is said: the next run takes WAL that was freed and is not known to be archived for WAL that never was. On a full disk that can't
     * be done, and room comes first.
     */
    private boolean isArchived(ArchivedName name) {
        lock.lock();
        try {
            if (progress.has(name, size) && !saved.has(name, size)) {
                save();
            }
            return progress.has(name, size);
        } finally {
            lock.unlock();
        }
    }

    /** Completed when {@code name} has been archived; with false when the archiver is closed before. It comes next if it can. */
    public CompletableFuture<Boolean> whenArchived(ArchivedName name) {
        lock.lock();
        try {
            if (closed || progress.has(name, size)) {
                return CompletableFuture.completedFuture(!closed);
            }
            changed.signalAll();
            return awaited.computeIfAbsent(name, _ -> new CompletableFuture<>());
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        long lastSave = System.nanoTime();
        lock.lock();
        try {
            while (!closed) {
                look();
                if (unsaved && System.nanoTime() - lastSave > SAVE_NANOS) {
                    save();
                    lastSave = System.nanoTime();
                }
                var _ = changed.awaitNanos(LOOK_NANOS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
    }

    private void look() {
        EndOfWal end = cache.end();
        CacheState state = cache.state();
        if (!end.lineage().equals(state.lineage()) || cache.isChangingTimeline()) {
            return; // Between two timelines; looked at again.
        }
        update(progress.on(end.lineage(), size));
        List<SegmentFiles.Held> held = cache.files().all();
        List<SegmentFiles.Orphaned> orphaned = cache.files().orphaned();
        ArchivePlan.View view = new ArchivePlan.View(
                end.lineage(), name -> progress.has(name, size), verifier.verifiedOn(end.lineage()), never, held, orphaned, state.orphans(), size);
        List<Item> pending = ArchivePlan.pending(view);
        waiting = pending.size();
        advance(held);
        forget(held, orphaned);
        faults.retain(pending.stream().map(Item::name).collect(Collectors.toSet()));
        if (faults.isResting()) {
            return;
        }
        Set<TimelineHistory> withoutHistory =
                pending.stream().filter(item -> item.place() instanceof Place.History).map(item -> item.name().lineage()).collect(Collectors.toSet());
        pending.stream()
                .filter(item -> !underWay.contains(item.name()) && !faults.isResting(item.name()))
                .filter(item -> item.place() instanceof Place.History || !withoutHistory.contains(item.name().lineage()))
                // What is waited for first, and what failed last: one bad file must not be in the way of all others.
                .sorted(Comparator.comparing((Item item) -> faults.has(item.name())).thenComparing(item -> !awaited.containsKey(item.name())))
                .limit(Math.max(0, (faults.isFailing() ? 1 : PARALLEL) - underWay.size()))
                .forEach(this::begin);
    }

    private void advance(List<SegmentFiles.Held> held) {
        Set<SegmentId> whole = held.stream().filter(SegmentFiles.Held::whole).map(SegmentFiles.Held::id).collect(Collectors.toSet());
        ArchiveProgress.Advance advance = progress.advanced(whole, cache.oldest(), size);
        advance.holes().forEach(hole -> listener.gap(hole.from(), hole.to()));
        update(advance.progress());
    }

    private void forget(List<SegmentFiles.Held> held, List<SegmentFiles.Orphaned> orphaned) {
        Set<SegmentId> present = new HashSet<>();
        held.forEach(h -> present.add(h.id()));
        orphaned.forEach(o -> present.add(o.held().id()));
        update(progress.forgetting(size, present));
    }

    private void update(ArchiveProgress next) {
        if (!next.equals(progress)) {
            progress = next;
            unsaved = true;
        }
    }

    private void begin(Item item) {
        ArchiveSource source;
        try {
            source = ArchiveSource.of(cache, item.place());
        } catch (IOException | RuntimeException e) {
            failed(item, e);
            return;
        }
        if (cache.isChangingTimeline() || !cache.end().lineage().equals(progress.lineage())) {
            source.release().run();
            return;
        }
        underWay.add(item.name());
        var _ = Thread.ofVirtual().name("archive-put").start(() -> {
            try {
                ended(item, archive.archive().put(item.name(), source.plain()));
            } catch (IOException | RuntimeException | Error e) {
                // Whatever it is: its place is wanted by others.
                failed(item, e);
            } finally {
                source.release().run();
            }
        });
    }

    private void ended(Item item, Archive.Put put) {
        CompletableFuture<Boolean> told;
        lock.lock();
        try {
            underWay.remove(item.name());
            done++;
            faults.succeeded(item.name());
            if (problem != null && faults.isEmpty()) {
                problem = null;
                listener.recovered();
            }
            update(progress.with(item.name()));
            if (put instanceof Archive.Put.Conflict(var key)) {
                conflicts++;
                update(progress.elsewhere(item.name(), key));
                archive.liesElsewhere(progress.elsewhere());
                listener.conflict(item.name().fileName(), key);
            }
            archive.fetcher().nowThere(item.name());
            told = awaited.remove(item.name());
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (told != null) {
            told.complete(true);
        }
    }

    private void failed(Item item, Throwable e) {
        lock.lock();
        try {
            underWay.remove(item.name());
            changed.signalAll();
            if (isGone(item.place())) {
                return; // The next look sees it.
            }
            faults.failed(item.name());
            allFailures++;
            String reason = String.valueOf(e.getMessage());
            if (!reason.equals(problem)) {
                problem = reason;
                listener.failed(reason);
            }
            log.debug("{} could not be archived", item.name(), e);
        } finally {
            lock.unlock();
        }
    }

    private boolean isGone(Place place) {
        return switch (place) {
            case Place.Own(var id) -> cache.files().find(id).isEmpty();
            case Place.Orphan(var file) -> !cache.files().orphaned().contains(file);
            case Place.History _ -> false;
        };
    }

    private void write() throws IOException {
        file.save(progress);
        saved = progress;
        unsaved = false;
    }

    private void save() {
        try {
            write();
        } catch (IOException e) {
            log.warn("could not remember what has been archived: {}", e.getMessage());
        }
    }

    /** Begins nothing more, waits a while for what is under way, and remembers what was archived. The rest is found to be there the next time. */
    @Override
    public void close() {
        List<CompletableFuture<Boolean>> told;
        lock.lock();
        try {
            closed = true;
            told = List.copyOf(awaited.values());
            awaited.clear();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        told.forEach(future -> future.complete(false));
        try {
            thread.join();
            awaitTransfers();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        lock.lock();
        try {
            if (unsaved) {
                save();
            }
        } finally {
            lock.unlock();
        }
    }

    private void awaitTransfers() throws InterruptedException {
        lock.lock();
        try {
            long left = LAST_TRANSFERS_NANOS;
            while (!underWay.isEmpty() && left > 0) {
                left = changed.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }
}
