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
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
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
 * <p>What is on its way counts as if it were here, so kept segments make room for it before it comes; a transfer that has no room waits for another to
 * end, or fails where the file system is full. A slow disk delays those who fetch and nobody who finds what he asks for.
 *
 * <p>Thread-safe. Futures are completed by threads of this, which whoever waits must not keep.
 */
public final class SegmentFetcher implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(SegmentFetcher.class);

    private static final String DIRECTORY = "fetched";

    /** Transfers at one time, and how many of them may be of segments that nobody waits for yet. */
    private static final int PLACES = 16;

    private static final int PLACES_AHEAD = 12;

    /** Room on the file system that is left to the stream, in segments. */
    private static final int RESERVE = 4;

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

        int bytes() {
            return name.size().bytes();
        }

        Flight(ArchivedName name, SegmentId id) {
            this.name = name;
            this.id = id;
        }
    }

    private record Kept(SegmentFile file, String path) {}

    private final Source source;
    private final Storage storage;
    private final long limit;
    private final Cache<ArchivedName, Kept> kept;
    private final Cache<ArchivedName, Boolean> absent;
    private final Map<ArchivedName, Flight> flights = new HashMap<>();
    private final Deque<Flight> askedFor = new ArrayDeque<>();
    private final Deque<Flight> ahead = new ArrayDeque<>();
    /** Held while room is looked for and taken. */
    private final Object room = new Object();
    /** Deletes files; nobody waits for it. */
    private final ExecutorService deleting = Executors.newSingleThreadExecutor(Thread.ofVirtual().name("archive-delete").factory());
    /** Of all files in the directory, those that somebody still reads though they are let go among them; what comes counts from the start. */
    private final AtomicLong onDisk = new AtomicLong();
    private final LongAdder found = new LongAdder();
    private final LongAdder fetched = new LongAdder();
    private final LongAdder fetchedAhead = new LongAdder();
    private final LongAdder fetchedBytes = new LongAdder();
    private final LongAdder notThere = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private int running;
    private int runningAhead;
    private long onTheWay;
    private long sequence;
    private boolean closed;

    /**
     * Empties {@code fetched/}.
     *
     * @param limit bytes that are kept and on their way at most, beside what somebody is reading; one segment always may be
     */
    public SegmentFetcher(Source source, Storage storage, long limit) throws IOException {
        this.source = source;
        this.storage = storage;
        this.limit = limit;
        this.kept = Caffeine.newBuilder()
                .maximumWeight(limit)
                .weigher((ArchivedName name, Kept file) -> name.size().bytes())
                .executor(Runnable::run)
                .removalListener((@Nullable ArchivedName name, @Nullable Kept file, RemovalCause cause) -> {
                    if (file != null) {
                        deleting.execute(() -> letGo(file));
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
            Kept here = kept.getIfPresent(name);
            if (here != null && here.file.tryRetain()) {
                found.increment();
                result.complete(Optional.of(here.file));
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
        while (running < PLACES && !askedFor.isEmpty() && (running == runningAhead || fits(askedFor.getFirst(), limit))) {
            begin(askedFor.removeFirst(), false);
        }
        while (running < PLACES && runningAhead < PLACES_AHEAD && !ahead.isEmpty() && fits(ahead.getFirst(), limit / PLACES * PLACES_AHEAD)) {
            begin(ahead.removeFirst(), true);
        }
    }

    private boolean fits(Flight flight, long most) {
        return onTheWay + flight.bytes() <= most;
    }

    /** What is kept gives way to what comes. */
    private void expect(long bytes) {
        onTheWay += bytes;
        kept.policy().eviction().ifPresent(eviction -> eviction.setMaximum(Math.max(0, limit - onTheWay)));
    }

    private void begin(Flight flight, boolean asAhead) {
        running++;
        runningAhead += asAhead ? 1 : 0;
        expect(flight.bytes());
        onDisk.addAndGet(flight.bytes());
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
            if (file.isEmpty()) {
                onDisk.addAndGet(-flight.bytes());
            }
            land(flight, path, file, failure, asAhead);
        });
    }

    private Optional<SegmentFile> transfer(Flight flight, String path) throws IOException {
        Storage.File file = storage.create(path);
        try {
            takeRoom(file, flight);
            Filling filling = new Filling(file, flight.bytes());
            boolean there = source.fetch(flight.name, filling);
            if (there && filling.length != flight.bytes()) {
                throw new DamagedObjectException("%s has %d bytes in the archive; expected %d".formatted(flight.name, filling.length, flight.bytes()));
            }
            if (!there) {
                discard(file, path);
                return Optional.empty();
            }
            return Optional.of(new SegmentFile(flight.id, file, _ -> onDisk.addAndGet(-flight.bytes())));
        } catch (IOException | RuntimeException | Error e) {
            discard(file, path);
            throw e;
        }
    }

    /** On the file system, to which others write, too. What is kept goes before what is asked for fails. */
    private void takeRoom(Storage.File file, Flight flight) throws IOException {
        long stream = (long) RESERVE * flight.bytes();
        synchronized (room) {
            if (storage.freeBytes() < flight.bytes() + stream) {
                kept.invalidateAll();
                CompletableFuture.runAsync(() -> {}, deleting).join();
            }
            long free = storage.freeBytes();
            if (free < flight.bytes() + stream) {
                throw new IOException("no room on the relay's disk to fetch %s from the archive: %d bytes are free; expected %d, of which %d are the stream's. Free some"
                        .formatted(flight.name, free, flight.bytes() + stream, stream));
            }
            file.reserve(flight.bytes());
        }
    }

    private void discard(Storage.File file, String path) throws IOException {
        file.close();
        storage.delete(path);
    }

    private void land(Flight flight, String path, Optional<SegmentFile> file, @Nullable Throwable failure, boolean asAhead) {
        Optional<Kept> late = Optional.empty();
        synchronized (this) {
            running--;
            runningAhead -= asAhead ? 1 : 0;
            expect(-flight.bytes());
            flights.remove(flight.name);
            if (failure != null) {
                failed.increment();
                if (flight.waiting.isEmpty()) {
                    log.debug("{} could not be fetched ahead", flight.name, failure);
                }
            } else if (file.isPresent()) {
                fetched.increment();
                fetchedAhead.add(flight.ahead ? 1 : 0);
                fetchedBytes.add(flight.bytes());
                // Each who waits gets a reference of its own before the file may be let go for want of room.
                flight.waiting.forEach(_ -> file.get().retain());
                if (closed) {
                    late = Optional.of(new Kept(file.get(), path));
                } else {
                    kept.put(flight.name, new Kept(file.get(), path));
                }
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
        late.ifPresent(this::letGo);
    }

    /** Its name goes now; those who read it have it until they release it. */
    private void letGo(Kept here) {
        try {
            here.file.release();
            storage.delete(here.path);
        } catch (IOException | RuntimeException e) {
            log.warn("could not delete {}: {}", here.path, e.getMessage());
        }
    }

    public Statistics statistics() {
        return new Statistics(found.sum(), fetched.sum(), fetchedAhead.sum(), fetchedBytes.sum(), notThere.sum(), failed.sum());
    }

    /** Bytes that fetched segments take on the disk, or will when those that are on their way have come. */
    public long bytes() {
        return onDisk.get();
    }

    /** Fetches no more and lets go of what is kept. Transfers that are under way end by themselves. */
    @Override
    public void close() {
        synchronized (this) {
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
        deleting.close();
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
