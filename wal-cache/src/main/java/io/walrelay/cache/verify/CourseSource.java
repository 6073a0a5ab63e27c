package io.walrelay.cache.verify;

import io.walrelay.cache.verify.Course.Copy;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.format.WalSource;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * The log of a course, from the copy of each segment that is to be believed first and is not found bad. A few segments are read ahead, and all
 * their copies are read. Confined to one thread.
 */
final class CourseSource implements WalSource, AutoCloseable {

    /** Segments that are read at one time: what an object store answers late is asked for early. */
    private static final int SEGMENTS_AHEAD = 4;

    private static final int BYTES_AHEAD = 64 << 20;

    /** Is told what became of the copies of each segment, in order. */
    @FunctionalInterface
    interface Judge {
        void judge(Map<StoredFile, Outcome> outcomes) throws InterruptedException;
    }

    private final Course course;
    private final SegmentSize size;
    private final FileReading files;
    private final Judge judge;
    private final ExecutorService others = Executors.newFixedThreadPool(SEGMENTS_AHEAD, Thread.ofVirtual().name("verify-compare-", 0).factory());
    private final NavigableMap<Long, Slot> open = new TreeMap<>();
    private final NavigableMap<Long, Map<StoredFile, Outcome>> outcomes = new TreeMap<>();
    private final Map<Long, Set<StoredFile>> rejected = new HashMap<>();
    private long judgedBefore;

    CourseSource(Course course, FileReading files, Judge judge) {
        this.course = course;
        this.size = course.size();
        this.files = files;
        this.judge = judge;
    }

    @Override
    public int read(Lsn at, ByteBuffer into) throws InterruptedIOException {
        long number = size.segmentNumber(at);
        if (!course.has(number)) {
            return 0;
        }
        try {
            Slot slot = slot(number);
            while (true) {
                Optional<Copy> copy = believed(number, slot.copies(), at);
                if (copy.isEmpty()) {
                    return 0;
                }
                int room = (int) Math.min(into.remaining(), Math.min(size.bytes() - size.offset(at), unsignedMinus(copy.get().limit(), at)));
                ByteBuffer part = into.slice(into.position(), room);
                int n = slot.read(copy.get(), size.offset(at), part);
                if (n > 0) {
                    into.position(into.position() + n);
                    return n;
                }
                reject(number, copy.get().file());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw (InterruptedIOException) new InterruptedIOException("interrupted").initCause(e);
        }
    }

    private static long unsignedMinus(Lsn limit, Lsn at) {
        long room = limit.minus(at);
        return room < 0 ? Long.MAX_VALUE : room;
    }

    private Optional<Copy> believed(long number, List<Copy> copies, Lsn at) {
        Set<StoredFile> bad = rejected.getOrDefault(number, Set.of());
        return copies.stream().filter(copy -> !bad.contains(copy.file()) && at.isBefore(copy.limit())).findFirst();
    }

    /** The file that has what is read at {@code at}; empty when there is none that is not found bad. */
    Optional<StoredFile> fileAt(Lsn at) {
        long number = size.segmentNumber(at);
        return believed(number, course.copies(number), at).map(Copy::file);
    }

    private void reject(long number, StoredFile file) {
        rejected.computeIfAbsent(number, _ -> new HashSet<>()).add(file);
    }

    /**
     * A copy in which there was a flaw, and which is not read any more.
     *
     * @param explained whether the flaw is what was to be expected of it: its object is damaged, or could not be read
     */
    record GivenUp(StoredFile file, boolean explained) {}

    /**
     * Gives up a copy of one of the segments from {@code first} to {@code last}: one that is not what it says, or else one of which there is
     * another with other bytes.
     *
     * @return empty when there is nothing else to believe
     */
    Optional<GivenUp> giveUp(long first, long last) throws InterruptedException {
        for (long number = first; number <= last; number++) {
            Optional<StoredFile> believed = fileAt(size.start(number));
            if (believed.isEmpty()) {
                continue;
            }
            Map<StoredFile, Outcome> known = known(number);
            boolean explained = !(known.get(believed.get()) instanceof Outcome.Whole);
            if (explained || hasOther(number, believed.get(), known)) {
                reject(number, believed.get());
                return Optional.of(new GivenUp(believed.get(), explained));
            }
        }
        return Optional.empty();
    }

    private Map<StoredFile, Outcome> known(long number) throws InterruptedException {
        Map<StoredFile, Outcome> known = new HashMap<>(outcomes.getOrDefault(number, Map.of()));
        Slot slot = open.get(number);
        if (slot != null) {
            known.putAll(slot.finish());
        }
        return known;
    }

    private boolean hasOther(long number, StoredFile believed, Map<StoredFile, Outcome> known) {
        Set<StoredFile> bad = rejected.getOrDefault(number, Set.of());
        return known.entrySet().stream()
                .filter(entry -> !bad.contains(entry.getKey()) && entry.getValue() instanceof Outcome.Whole)
                .anyMatch(entry -> !entry.getValue().equals(known.get(believed)));
    }

    private Slot slot(long number) throws InterruptedException {
        judgeBefore(number);
        Slot slot = open.computeIfAbsent(number, this::openSlot);
        OptionalLong next = course.atLeast(number + 1);
        for (int i = 1; i < SEGMENTS_AHEAD && next.isPresent(); i++) {
            open.computeIfAbsent(next.getAsLong(), this::openSlot);
            next = course.atLeast(next.getAsLong() + 1);
        }
        return slot;
    }

    private Slot openSlot(long number) {
        Slot slot = new Slot(files, Math.min(size.bytes(), BYTES_AHEAD / SEGMENTS_AHEAD), course.copies(number));
        if (number >= judgedBefore) {
            slot.readOthers(others);
        }
        return slot;
    }

    /** Finishes with the segments before {@code number}. */
    void judgeBefore(long number) throws InterruptedException {
        while (!open.isEmpty() && open.firstKey() < number) {
            Map.Entry<Long, Slot> done = open.pollFirstEntry();
            if (done.getKey() >= judgedBefore) {
                Map<StoredFile, Outcome> found = done.getValue().finish();
                outcomes.put(done.getKey(), found);
                judgedBefore = done.getKey() + 1;
                judge.judge(found);
            } else {
                done.getValue().close();
            }
        }
    }

    /** What became of the segments before is not needed any more. */
    void forgetBefore(long number) {
        outcomes.headMap(number, false).clear();
        rejected.keySet().removeIf(n -> n < number);
    }

    @Override
    public void close() {
        open.values().forEach(Slot::close);
        others.shutdownNow();
    }
}
