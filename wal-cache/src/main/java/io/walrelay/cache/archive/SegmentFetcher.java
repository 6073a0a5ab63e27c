package io.walrelay.cache.archive;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.RemovalCause;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.SegmentId;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings segments from the archive to the local disk and keeps them there while there is room: {@code fetched/} in the data directory.
 *
 * <p>A segment is fetched once for all who wait for it. One that somebody waits for comes before any that is only fetched ahead, and a few of
 * the places for transfers are never given to those. What the archive has not got is remembered for a moment.
 *
 * <p>Thread-safe. Futures are completed by threads of this, which whoever waits must not keep.
 */
public final class SegmentFetcher implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(SegmentFetcher.class);

    private static final String DIRECTORY = "fetched";

    /** Transfers at one time, and how many of them may be of segments that nobody waits for yet. */
    private static final int PLACES = 16;

    private static final int PLACES_AHEAD = 12;

    /** Another relay may archive it at any time. */
    private static final Duration ABSENT_FOR = Duration.ofSeconds(2);

    private static final int MOST_ABSENT = 10_000;

    /** Where files come from; see {@link Archive#fetch}. */
    @FunctionalInterface
    public interface Source {
        boolean fetch(ArchivedName name, OutputStream into) throws IOException;
    }

    /** What this did since it was made. */
    public record Statistics(long kept, long fetched, long fetchedAhead, long fetchedBytes, long absent, long failed) {}

    private static final class Flight {
        private final ArchivedName name;
        private final SegmentId id;
        private final List<CompletableFuture<Optional<SegmentFile>>> waiting = new ArrayList<>();
        private boolean ahead;

        Flight(ArchivedName name, SegmentId id) {
            this.name = name;
            this.id = id;
        }
    }

    private final Source source;
    private final Storage storage;
    private final Cache<ArchivedName, SegmentFile> kept;
    private final Cache<ArchivedName, Boolean> absent;
    private final Map<ArchivedName, Flight> flights = new HashMap<>();
    private final Deque<Flight> askedFor = new ArrayDeque<>();
    private final Deque<Flight> ahead = new ArrayDeque<>();
    private final Map<SegmentFile, String> paths = new HashMap<>();
    private final LongAdder found = new LongAdder();
    private final LongAdder fetched = new LongAdder();
    private final LongAdder fetchedAhead = new LongAdder();
    private final LongAdder fetchedBytes = new LongAdder();
    private final LongAdder notThere = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private int running;
    private int runningAhead;
    private long sequence;
    private boolean closed;

    /**
     * Empties {@code fetched/}.
     *
     * @param limit bytes that are kept at most, beside what somebody is reading
     */
    public SegmentFetcher(Source source, Storage storage, long limit) throws IOException {
        this.source = source;
        this.storage = storage;
        this.kept = Caffeine.newBuilder()
                .maximumWeight(limit)
                .weigher((ArchivedName name, SegmentFile file) -> name.size().bytes())
                .executor(Runnable::run)
                .removalListener((@Nullable ArchivedName name, @Nullable SegmentFile file, RemovalCause cause) -> {
                    if (file != null) {
                        letGo(file);
                    }
                })
                .build();
        this.absent = Caffeine.newBuilder().maximumSize(MOST_ABSENT).expireAfterWrite(ABSENT_FOR).build();
        storage.createDirectory(DIRECTORY);
        for (String name : storage.list(DIRECTORY)) {
            storage.delete(DIRECTORY + "/" + name);
        }
    }

    /**
     * A whole or partial segment as an open file, of which the receiver has a reference to release; empty when the archive provably has none. Fails with
     * an IOException when the archive could not be asked, or has something else under that name.
     */
    public CompletableFuture<Optional<SegmentFile>> fetch(ArchivedName name, SegmentId id) {
        CompletableFuture<Optional<SegmentFile>> result = new CompletableFuture<>();
        synchronized (this) {
            SegmentFile file = kept.getIfPresent(name);
            if (file != null && file.tryRetain()) {
                found.increment();
                result.complete(Optional.of(file));
            } else if (absent.getIfPresent(name) != null) {
                result.complete(Optional.empty());
            } else if (closed) {
                result.completeExceptionally(new IOException("the relay stops"));
            } else {
                Flight flight = flights.get(name);
                if (flight == null) {
                    flight = new Flight(name, id);
                    flights.put(name, flight);
                    askedFor.addLast(flight);
                } else if (ahead.remove(flight)) {
                    askedFor.addLast(flight);
                }
                flight.waiting.add(result);
                dispatch();
            }
        }
        return result;
    }

    /** Begins to fetch a segment that may be asked for soon, unless it is here or known to be absent. */
    public synchronized void fetchAhead(ArchivedName name, SegmentId id) {
        if (!closed && !flights.containsKey(name) && kept.getIfPresent(name) == null && absent.getIfPresent(name) == null) {
            Flight flight = new Flight(name, id);
            flight.ahead = true;
            flights.put(name, flight);
            ahead.addLast(flight);
            dispatch();
        }
    }

    /** Somebody has put it: that it was absent is no longer so. */
    public void nowThere(ArchivedName name) {
        absent.invalidate(name);
    }

    private void dispatch() {
        while (running < PLACES && !askedFor.isEmpty()) {
            begin(askedFor.removeFirst(), false);
        }
        while (running < PLACES && runningAhead < PLACES_AHEAD && !ahead.isEmpty()) {
            begin(ahead.removeFirst(), true);
        }
    }

    private void begin(Flight flight, boolean asAhead) {
        running++;
        runningAhead += asAhead ? 1 : 0;
        String path = DIRECTORY + "/" + sequence++;
        var _ = Thread.ofVirtual().name("archive-fetch").start(() -> {
            Optional<SegmentFile> file = Optional.empty();
            Throwable failure = null;
            try {
                file = transfer(flight, path);
            } catch (IOException | RuntimeException | Error e) {
                // Whatever it is: somebody waits, and the place is wanted by others. Memory for files is direct memory, whose end ends no process.
                failure = e;
            }
            land(flight, path, file, failure, asAhead);
        });
    }

    private Optional<SegmentFile> transfer(Flight flight, String path) throws IOException {
        Storage.File file = storage.create(path);
        try {
            Filling filling = new Filling(file, flight.name.size().bytes());
            boolean there = source.fetch(flight.name, filling);
            if (there && filling.length != flight.name.size().bytes()) {
                throw new DamagedObjectException("%s has %d bytes in the archive; expected %d"
                        .formatted(flight.name, filling.length, flight.name.size().bytes()));
            }
            if (!there) {
                discard(file, path);
                return Optional.empty();
            }
            return Optional.of(new SegmentFile(flight.id, file, _ -> {}));
        } catch (IOException | RuntimeException | Error e) {
            discard(file, path);
            throw e;
        }
    }

    private void discard(Storage.File file, String path) throws IOException {
        file.close();
        storage.delete(path);
    }

    private void land(Flight flight, String path, Optional<SegmentFile> file, @Nullable Throwable failure, boolean asAhead) {
        synchronized (this) {
            running--;
            runningAhead -= asAhead ? 1 : 0;
            flights.remove(flight.name);
            if (failure != null) {
                failed.increment();
                if (flight.waiting.isEmpty()) {
                    log.debug("{} could not be fetched ahead", flight.name, failure);
                }
            } else if (file.isPresent()) {
                fetched.increment();
                fetchedAhead.add(flight.ahead ? 1 : 0);
                fetchedBytes.add(flight.name.size().bytes());
                // Each who waits gets a reference of its own before the file may be let go for want of room.
                flight.waiting.forEach(_ -> file.get().retain());
                paths.put(file.get(), path);
                kept.put(flight.name, file.get());
            } else {
                notThere.increment();
                absent.put(flight.name, true);
            }
            dispatch();
        }
        for (CompletableFuture<Optional<SegmentFile>> waiting : flight.waiting) {
            if (failure != null) {
                waiting.completeExceptionally(failure);
            } else if (!waiting.complete(file)) {
                file.ifPresent(SegmentFile::release);
            }
        }
    }

    /** Its name goes now; those who read it have it until they release it. */
    private void letGo(SegmentFile file) {
        String path = paths.remove(file);
        file.release();
        try {
            if (path != null) {
                storage.delete(path);
            }
        } catch (IOException e) {
            log.warn("could not delete {}: {}", path, e.getMessage());
        }
    }

    public Statistics statistics() {
        return new Statistics(found.sum(), fetched.sum(), fetchedAhead.sum(), fetchedBytes.sum(), notThere.sum(), failed.sum());
    }

    /** Bytes of segments that are kept. */
    public synchronized long bytes() {
        return kept.policy().eviction().map(e -> e.weightedSize().orElse(0)).orElse(0L);
    }

    /** Fetches no more and lets go of what is kept. Transfers that are under way end by themselves. */
    @Override
    public synchronized void close() {
        closed = true;
        for (Flight flight : List.copyOf(askedFor)) {
            flights.remove(flight.name);
            flight.waiting.forEach(waiting -> waiting.completeExceptionally(new IOException("the relay stops")));
        }
        askedFor.clear();
        ahead.clear();
        kept.invalidateAll();
        kept.cleanUp();
    }

    /** Appends to a file. */
    private static final class Filling extends OutputStream {
        private final Storage.File file;
        private final long limit;
        private long length;

        Filling(Storage.File file, long limit) {
            this.file = file;
            this.limit = limit;
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int count) throws IOException {
            if (length + count > limit) {
                throw new DamagedObjectException("it is longer than %d bytes".formatted(limit));
            }
            file.write(ByteBuffer.wrap(bytes, offset, count), length);
            length += count;
        }
    }
}
