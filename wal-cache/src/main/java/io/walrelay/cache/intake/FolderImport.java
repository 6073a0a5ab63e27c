package io.walrelay.cache.intake;

import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.DamagedObjectException;
import io.walrelay.cache.archive.ObjectFormat.Plain;
import io.walrelay.cache.background.BackgroundThread;
import io.walrelay.cache.intake.FolderPlan.Item;
import io.walrelay.cache.storage.Folder;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.WalFileName;
import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts the files of a folder into the archive, in the background, and remembers when all were. A file that is there already is found to be,
 * so one that was broken off begins again and ends sooner. Nothing is overwritten: see {@link Archive#put}. While the archive can't be asked it
 * waits.
 *
 * <p>A few files at a time, and one only while the relay itself has WAL to archive. Methods are thread-safe; whoever starts it closes it.
 */
public final class FolderImport implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(FolderImport.class);

    private static final int LANES = 4;
    private static final Duration FIRST_REST = Duration.ofSeconds(1);
    private static final Duration LONGEST_REST = Duration.ofMinutes(1);
    private static final Duration LIVE_FIRST = Duration.ofMillis(250);
    private static final Duration LAST_TRANSFERS = Duration.ofSeconds(10);
    private static final long PROGRESS_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** A line for each promotion that there ever was. */
    private static final int LONGEST_HISTORY = 1 << 20;

    /** Where the files go. Thread-safe. */
    public interface Target {
        /** @throws IOException while it can't be asked */
        Archive archive() throws IOException;

        /** Whether files may come: before, somebody might delete what they follow on. */
        boolean mayBegin();

        /** The file is there now. */
        void arrived(ArchivedName name);

        /** Whether the relay has WAL of its own waiting. */
        boolean isBusy();
    }

    /** Who wants to know. Called on any thread; must be quick. */
    public interface Listener {
        /** The file is not taken, and never will be as it is. */
        void refused(String file, String reason);

        /** Another object has the name; the folder's lies beside it. */
        void conflict(String file, String key);

        /** The first failure after a success, and each whose reason is another; it is tried again. */
        void failed(String reason);

        /** The end. */
        void ended(Status status);
    }

    /** What became of a file. */
    public enum Outcome {
        /** The archive had it not. */
        IMPORTED,
        ALREADY_THERE,
        /** Its name has other bytes in the archive; it lies beside. */
        CONFLICT,
        REFUSED,
        /** It could not be read, or a history that may say what it is could not; the next start tries again. */
        UNREADABLE
    }

    /**
     * @param files that are PostgreSQL's by name; 0 until the folder was listed
     * @param problem why nothing goes on now
     */
    public record Status(String folder, boolean ended, int files, Map<Outcome, Integer> outcomes, Optional<String> problem) {

        public Status {
            outcomes = Map.copyOf(outcomes);
        }

        public int count(Outcome outcome) {
            return outcomes.getOrDefault(outcome, 0);
        }

        /** Files that need nothing more. */
        public int settled() {
            return outcomes.values().stream().mapToInt(Integer::intValue).sum();
        }
    }

    /** The folder's file could not be read, which says nothing of the archive. */
    private static final class UnreadableException extends IOException {
        private static final long serialVersionUID = 1;

        UnreadableException(Exception cause) {
            super(cause.getMessage(), cause);
        }
    }

    private final Folder folder;
    private final SystemId system;
    private final SegmentSize size;
    private final Target target;
    private final Imported done;
    private final Listener listener;
    private final BackgroundThread thread;
    private final ReentrantLock lock = new ReentrantLock();

    /* Guarded by the lock. */
    private final Map<Outcome, Integer> outcomes = new EnumMap<>(Outcome.class);
    private int files;
    private boolean ended;
    private @Nullable String problem;
    private int failures;
    private long lastProgress = System.nanoTime();

    public FolderImport(Folder folder, SystemId system, SegmentSize size, Target target, Imported done, Listener listener) {
        this.folder = folder;
        this.system = system;
        this.size = size;
        this.target = target;
        this.done = done;
        this.listener = listener;
        this.thread = new BackgroundThread("archive-import", this::run);
    }

    public void start() {
        thread.start();
    }

    public Status status() {
        lock.lock();
        try {
            return new Status(folder.toString(), ended, files, outcomes, Optional.ofNullable(problem));
        } finally {
            lock.unlock();
        }
    }

    private void run() throws InterruptedException {
        while (!thread.isClosed() && !target.mayBegin()) {
            thread.rest(LIVE_FIRST);
        }
        Optional<FolderPlan> plan = untilItWorks(this::plan);
        if (plan.isPresent()) {
            carryOut(plan.get());
        }
    }

    private FolderPlan plan() throws IOException {
        List<String> files = folder.files();
        Map<String, Optional<String>> histories = new TreeMap<>();
        for (String file : files) {
            if (WalFileName.parse(file, size).orElse(null) instanceof WalFileName.History) {
                histories.put(file, history(file));
            }
        }
        return FolderPlan.of(files, histories, size);
    }

    /** Empty when it can't be read: that is no reason to wait with all the rest. */
    private Optional<String> history(String file) {
        try (InputStream in = folder.open(file)) {
            return Optional.of(new String(in.readNBytes(LONGEST_HISTORY), StandardCharsets.UTF_8));
        } catch (IOException e) {
            log.warn("{}/{} could not be read: {}", folder, file, e.getMessage());
            return Optional.empty();
        }
    }

    private void carryOut(FolderPlan plan) throws InterruptedException {
        found((int) plan.items().stream().filter(item -> item.file().isPresent()).count() + plan.refused().size() + plan.unreadable().size());
        plan.refused().forEach(refusal -> refuse(refusal.file(), refusal.reason()));
        plan.unreadable().forEach(_ -> count(Outcome.UNREADABLE));
        for (Item item : plan.items()) {
            if (item.isHistory()) {
                take(item);
            }
        }
        lanes(plan.items().stream().filter(item -> !item.isHistory()).toList());
        if (thread.isClosed() || (status().count(Outcome.UNREADABLE) == 0 && untilItWorks(this::remember).isEmpty())) {
            return;
        }
        lock.lock();
        try {
            ended = true;
        } finally {
            lock.unlock();
        }
        listener.ended(status());
    }

    private void found(int number) {
        log.info("imports {} files from {}", number, folder);
        lock.lock();
        try {
            files = number;
        } finally {
            lock.unlock();
        }
    }

    private Archive remember() throws IOException {
        Archive archive = target.archive();
        done.add(archive.id(), folder.toString());
        return archive;
    }

    private void lanes(List<Item> items) throws InterruptedException {
        Queue<Item> queue = new ConcurrentLinkedQueue<>(items);
        List<Thread> lanes = new ArrayList<>();
        for (int n = 0; n < LANES; n++) {
            boolean yields = n > 0;
            lanes.add(Thread.ofVirtual().name("archive-import-" + n).start(() -> work(queue, yields)));
        }
        for (Thread lane : lanes) {
            lane.join();
        }
    }

    private void work(Queue<Item> queue, boolean yields) {
        try {
            while (!thread.isClosed() && !queue.isEmpty()) {
                if (yields && target.isBusy()) {
                    thread.rest(LIVE_FIRST);
                    continue;
                }
                Item item = queue.poll();
                if (item != null) {
                    take(item);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void take(Item item) throws InterruptedException {
        var _ = untilItWorks(() -> {
            try {
                Optional<String> refusal = item.file().isPresent() ? refusal(item, item.file().get()) : Optional.empty();
                if (refusal.isPresent()) {
                    refuse(item.name().fileName(), refusal.get());
                } else {
                    taken(item, target.archive().put(item.name(), plain(item)));
                }
            } catch (UnreadableException e) {
                log.warn("{}/{} could not be read: {}", folder, item.name().fileName(), e.getMessage());
                count(Outcome.UNREADABLE);
            } catch (DamagedObjectException e) {
                refuse(item.name().fileName(), "the archive has the name already, and " + e.getMessage());
            }
            return item;
        });
    }

    private Optional<String> refusal(Item item, String file) throws UnreadableException {
        try (InputStream in = folder.open(file)) {
            Optional<String> refusal = FileCheck.refusal(item.name(), system, folder.size(file), in.readNBytes(FileCheck.HEAD));
            if (refusal.isEmpty() && item.name().file() instanceof WalFileName.Segment(var id)) {
                return RecordCheck.flaw(folder, item.name(), id, system).map(flaw -> "it is damaged: " + flaw.message());
            }
            return refusal;
        } catch (IOException e) {
            throw new UnreadableException(e);
        } catch (RuntimeException e) {
            // A file that no check was made for: it would be the same the next time.
            log.warn("{}/{} could not be checked", folder, file, e);
            return Optional.of("it can't be checked: " + (e.getMessage() == null ? e.toString() : e.getMessage()));
        }
    }

    private Plain plain(Item item) {
        return () -> {
            if (item.file().isEmpty()) {
                return new ByteArrayInputStream(item.name().lineage().format().getBytes(StandardCharsets.UTF_8));
            }
            try {
                return new FromFolder(folder.open(item.file().get()));
            } catch (IOException | RuntimeException e) {
                throw new UnreadableException(e);
            }
        };
    }

    private void taken(Item item, Archive.Put put) {
        target.arrived(item.name());
        if (item.file().isEmpty()) {
            return;
        }
        switch (put) {
            case Archive.Put.Stored _ -> count(Outcome.IMPORTED);
            case Archive.Put.AlreadyThere _ -> count(Outcome.ALREADY_THERE);
            case Archive.Put.Conflict(var key) -> {
                count(Outcome.CONFLICT);
                listener.conflict(item.name().fileName(), key);
            }
        }
    }

    private void refuse(String file, String reason) {
        count(Outcome.REFUSED);
        listener.refused(file, reason);
    }

    private void count(Outcome outcome) {
        boolean tell;
        lock.lock();
        try {
            outcomes.merge(outcome, 1, Integer::sum);
            tell = System.nanoTime() - lastProgress > PROGRESS_NANOS;
            lastProgress = tell ? System.nanoTime() : lastProgress;
        } finally {
            lock.unlock();
        }
        if (tell) {
            Status now = status();
            log.info("imported {} of {} files from {}", now.settled(), now.files, folder);
        }
    }

    @FunctionalInterface
    private interface Attempt<T> {
        T make() throws IOException;
    }

    /** Empty when this was closed before. */
    private <T> Optional<T> untilItWorks(Attempt<T> attempt) throws InterruptedException {
        while (!thread.isClosed()) {
            try {
                T result = attempt.make();
                worked();
                return Optional.of(result);
            } catch (IOException | RuntimeException e) {
                thread.rest(failed(e));
            }
        }
        return Optional.empty();
    }

    private void worked() {
        lock.lock();
        try {
            failures = 0;
            problem = null;
        } finally {
            lock.unlock();
        }
    }

    private Duration failed(Exception e) {
        String reason = e.getMessage() == null ? e.toString() : e.getMessage();
        boolean isNew;
        Duration rest;
        lock.lock();
        try {
            isNew = !reason.equals(problem);
            problem = reason;
            rest = FIRST_REST.multipliedBy(1L << Math.min(failures++, 6));
        } finally {
            lock.unlock();
        }
        if (isNew) {
            listener.failed(reason);
        }
        return rest.compareTo(LONGEST_REST) > 0 ? LONGEST_REST : rest;
    }

    /** Begins nothing more and waits a while for what is under way. The rest is taken at the next start. */
    @Override
    public void close() {
        thread.close(LAST_TRANSFERS);
    }

    /** Calls faults of the folder by their name, so that nobody takes them for faults of the archive. */
    private static final class FromFolder extends FilterInputStream {
        FromFolder(InputStream in) {
            super(in);
        }

        @Override
        public int read() throws IOException {
            try {
                return super.read();
            } catch (IOException e) {
                throw new UnreadableException(e);
            }
        }

        @Override
        public int read(byte[] into, int offset, int wanted) throws IOException {
            try {
                return super.read(into, offset, wanted);
            } catch (IOException e) {
                throw new UnreadableException(e);
            }
        }
    }
}
