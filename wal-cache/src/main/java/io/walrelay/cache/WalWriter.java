package io.walrelay.cache;

import io.netty.buffer.ByteBuf;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.RecordTracker;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The one writer of the relay's WAL: bytes first, position after.
 *
 * <pre>
 *   append ─▶ memory tail ─▶ (publish) segment file ─▶ written moves ─▶ standbys are woken
 *                                  flush ─▶ fdatasync, names ─▶ flushed moves ─▶ upstream is told
 * </pre>
 *
 * <p>All but {@link #flush} and {@link #end} is confined to the WAL writer thread. {@code flush} may be called by any thread:
 * it makes durable what was published before the call.
 */
public final class WalWriter {

    /** A segment with bytes that are not known to be durable. */
    private static final class Dirty {
        private final SegmentId id;
        private final Storage.File file;
        private volatile boolean complete;

        Dirty(SegmentId id, Storage.File file) {
            this.id = id;
            this.file = file;
        }
    }

    /** Remembers, durably, that all before a position is durable. */
    @FunctionalInterface
    interface Settled {
        void settle(Lsn upTo) throws IOException;
    }

    private final SegmentFiles files;
    private final SegmentSize size;
    private final SegmentAllocator allocator;
    private final MemoryTail tail;
    private final AtomicReference<EndOfWal> end;
    private final Deque<Dirty> dirty = new ArrayDeque<>();
    private final Object flushing = new Object();

    private final Settled settledLog;
    /** For each segment that is not known to be flushed: where a reading has to begin to prove the records in it. */
    private final ConcurrentSkipListMap<Lsn, Lsn> provableFrom = new ConcurrentSkipListMap<>();

    /** For each segment that a record crosses into and that is not past being acknowledged: where the last whole record before it ends. */
    private final ConcurrentSkipListMap<Lsn, Lsn> crossings = new ConcurrentSkipListMap<>();

    private volatile boolean newNames;
    /** The end of the first record after a start that proves nothing, until that is settled. */
    private volatile Lsn unsettled = Lsn.INVALID;
    private boolean beganAtPage;
    private RecordTracker tracker;
    private @Nullable Dirty current;
    private Lsn position;
    private Lsn inFile;
    private volatile @Nullable Exception broken;
    private volatile LongConsumer fsyncListener = nanos -> {};
    private volatile Runnable fileListener = () -> {};

    WalWriter(SegmentFiles files, SegmentAllocator allocator, MemoryTail tail, Recovery.Found found, Settled settledLog) throws IOException {
        EndOfWal start = found.end();
        this.files = files;
        this.size = files.size();
        this.allocator = allocator;
        this.tail = tail;
        this.settledLog = settledLog;
        this.tracker = found.tracker();
        this.beganAtPage = size.offset(start.written()) == 0;
        this.provableFrom.put(size.startOf(start.written()), found.provableFrom());
        if (found.lastRecord().isBefore(start.written())) {
            this.crossings.put(start.written(), found.lastRecord());
        }
        this.end = new AtomicReference<>(start);
        this.position = start.written();
        this.inFile = position;
        tail.reset(position);
        reopenCurrent();
    }

    private void reopenCurrent() throws IOException {
        SegmentId id = SegmentId.at(end().lineage().timeline(), position, size);
        if (files.find(id).filter(h -> !h.whole()).isPresent()) {
            current = new Dirty(id, files.openForWriting(id));
            addDirty(current);
        } else {
            current = null;
        }
    }

    /** Where a recovery would have to begin reading, if it came now: WAL from here on must not be freed. Any thread. */
    Lsn provableFrom() {
        var entry = provableFrom.floorEntry(end().acknowledgeable());
        return entry == null ? end().acknowledgeable() : entry.getValue();
    }

    /** {@code listener} is told how many nanoseconds each fsync of a segment took, on the thread that waited for it; it must be quick. */
    public void onFsync(LongConsumer listener) {
        fsyncListener = listener;
    }

    /**
     * {@code listener} is called when a segment has got its whole name, and when WAL goes on elsewhere: on the thread that did it, so it must
     * only wake somebody.
     */
    public void onFiles(Runnable listener) {
        fileListener = listener;
    }

    /**
     * The end of the last whole record that lies before an acknowledged position: a segment's beginning is acknowledged also where a
     * record crosses into it, and a promotion cuts such a record off whose rest never came. The position itself where that is not
     * known any more. Any thread.
     */
    public Lsn lastRecordBefore(Lsn acknowledged) {
        return crossings.getOrDefault(acknowledged, acknowledged);
    }

    /** Where WAL ends now. Any thread. */
    public EndOfWal end() {
        return end.get();
    }

    /**
     * Takes in WAL that begins at {@code start}. Standbys see it after the next {@link #publish}. What the relay holds
     * already is compared and not written again. {@code wal} is read to its end and stays the caller's.
     *
     * @throws IllegalArgumentException when {@code start} lies past the end: that would leave a gap
     * @throws DivergentWalException when bytes differ from those held
     * @throws DiskFullException when another segment is needed and there is no room; what came before is kept and the same
     *     bytes may be offered again
     */
    public void append(Lsn start, ByteBuf wal) throws IOException, DivergentWalException {
        refuseWhenBroken();
        if (start.isAfter(position)) {
            throw new IllegalArgumentException("WAL from %s would leave a gap: the relay has it up to %s".formatted(start, position));
        }
        if (start.isBefore(position)) {
            int known = (int) Math.min(position.minus(start), wal.readableBytes());
            compare(start, wal.readSlice(known));
        }
        while (wal.isReadable()) {
            if (current == null) {
                beginSegment();
            }
            int room = (int) size.endOf(position).minus(position);
            int begin = wal.readerIndex();
            int n = tail.append(wal, Math.min(room, wal.readableBytes()));
            tracker.feed(wal.slice(begin, n));
            position = position.plus(n);
            if (size.offset(position) == 0) {
                writeOut();
                completeSegment();
                noteCrossingRecord();
            } else if (position.minus(inFile) >= MemoryTail.CHUNK) {
                writeOut();
            }
        }
    }

    /** Lets standbys have all that was appended. Returns the new end. */
    public EndOfWal publish() throws IOException {
        refuseWhenBroken();
        writeOut();
        Lsn written = position;
        if (written.equals(end().written())) {
            return end();
        }
        // All of a segment that is whole is durable under its own name before anything after it: its end needs no record.
        // A switch record ends where its segment does, which may not have come yet.
        if (beganAtPage && tracker.lastRecordEnd().isValid()) {
            beganAtPage = false;
            unsettled = tracker.lastRecordEnd();
        }
        Lsn provable = Lsn.max(Lsn.min(tracker.lastRecordEnd(), written), size.startOf(written));
        return end.updateAndGet(e -> e.withWritten(written, Lsn.max(e.lastRecord(), provable)));
    }

    /**
     * Makes all that is published durable, then moves {@code flushed}. Any thread; one at a time.
     *
     * @throws IOException when the disk failed. This is final: what the kernel did with the pages is unknown, so the next
     *     attempt might succeed and lie (PostgreSQL 12, data_sync_retry). The process has to end and recover.
     */
    public EndOfWal flush() throws IOException {
        synchronized (flushing) {
            refuseWhenBroken();
            EndOfWal target = end();
            if (target.flushed().equals(target.written()) && target.acknowledgeable().equals(target.lastRecord())) {
                return target;
            }
            boolean settled;
            List<Dirty> whole = new ArrayList<>();
            try {
                for (Dirty segment : dirtySnapshot()) {
                    boolean complete = segment.complete;
                    long began = System.nanoTime();
                    segment.file.sync();
                    fsyncListener.accept(System.nanoTime() - began);
                    if (complete) {
                        whole.add(segment);
                    }
                }
                if (newNames) {
                    newNames = false;
                    files.syncNames();
                }
                completeAll(whole);
                settled = settle(target);
            } catch (IOException e) {
                broken = e;
                throw e;
            }
            EndOfWal flushed = end.updateAndGet(e -> e.withFlushed(target.written(), settled ? target.lastRecord() : e.acknowledgeable()));
            provableFrom.headMap(size.startOf(flushed.acknowledgeable())).clear();
            crossings.headMap(size.startOf(flushed.acknowledgeable())).clear();
            if (!whole.isEmpty()) {
                fileListener.run();
            }
            return flushed;
        }
    }

    /** Only now, when the names of all that come before are durable: a segment with a whole name never follows a hole. */
    private void completeAll(List<Dirty> whole) throws IOException {
        for (Dirty segment : whole) {
            segment.file.close();
            files.completeSegment(segment.id);
            removeDirty(segment);
        }
        if (!whole.isEmpty()) {
            files.syncNames();
        }
    }

    /**
     * The rest of a record whose beginning the relay never got can't be proved by its checksum: it is remembered instead.
     *
     * @return whether all before the last record's end may be acknowledged; not while the disk is too full to remember
     */
    private boolean settle(EndOfWal target) throws IOException {
        Lsn first = unsettled;
        if (!first.isValid() || target.lastRecord().isBefore(first)) {
            return true;
        }
        try {
            settledLog.settle(target.lastRecord());
        } catch (IOException e) {
            if (DiskFullException.orAsItIs(e) instanceof DiskFullException) {
                return false;
            }
            throw e;
        }
        unsettled = Lsn.INVALID;
        return true;
    }

    /**
     * Goes on with another timeline from its switch point on, which must not lie past the end. Whoever calls has moved away
     * what lies beyond it.
     */
    void startTimeline(TimelineHistory next, Lsn switchPoint) throws IOException {
        goOn(next, switchPoint);
    }

    /** Goes on after a gap, at the beginning of a segment. */
    void skipTo(Lsn segmentStart) throws IOException {
        goOn(end().lineage(), segmentStart);
    }

    private void goOn(TimelineHistory lineage, Lsn at) throws IOException {
        synchronized (flushing) {
            closeCurrent();
            position = at;
            inFile = at;
            tail.reset(at);
            beganAtPage = size.offset(at) == 0;
            tracker = beganAtPage ? RecordTracker.atPage(size, at) : RecordTracker.atRecord(size, at);
            unsettled = Lsn.INVALID;
            provableFrom.clear();
            crossings.clear();
            provableFrom.put(size.startOf(at), size.startOf(at));
            end.set(new EndOfWal(lineage, at, at, at, at));
            reopenCurrent();
            fileListener.run();
        }
    }

    private void closeCurrent() throws IOException {
        for (Dirty segment : dirtySnapshot()) {
            segment.file.close();
            removeDirty(segment);
        }
        current = null;
    }

    void close() throws IOException {
        try {
            if (broken == null) {
                publish();
                flush();
            }
        } finally {
            synchronized (flushing) {
                closeCurrent();
            }
        }
    }

    private void beginSegment() throws IOException {
        if (size.offset(position) != 0) {
            throw new IOException("the segment file that holds %s is gone".formatted(position));
        }
        SegmentId id = SegmentId.at(end().lineage().timeline(), position, size);
        current = new Dirty(id, allocator.take(id));
        newNames = true;
        addDirty(current);
    }

    private void completeSegment() {
        if (current != null) {
            current.complete = true;
            current = null;
        }
    }

    /** Records that end in the segment that now begins are proved from where the one that crosses into it starts. */
    private void noteCrossingRecord() {
        Lsn crossing = tracker.lastRecordEnd();
        boolean known = crossing.isValid() && tracker.fault().isEmpty();
        provableFrom.put(position, known ? size.startOf(crossing) : position);
        if (known && crossing.isBefore(position)) {
            crossings.put(position, crossing);
        }
    }

    /** Writes what only memory holds to the present segment's file. */
    private void writeOut() throws IOException {
        while (inFile.isBefore(position) && current != null) {
            ByteBuf bytes = tail.slice(inFile, (int) position.minus(inFile));
            if (bytes == null) {
                throw new IllegalStateException("WAL at %s left memory before it was in a file".formatted(inFile));
            }
            try {
                current.file.write(bytes.nioBuffer(), size.offset(inFile));
                inFile = inFile.plus(bytes.readableBytes());
            } catch (IOException e) {
                broken = e;
                throw e;
            } finally {
                bytes.release();
            }
        }
    }

    private void compare(Lsn start, ByteBuf offered) throws IOException, DivergentWalException {
        writeOut();
        TimelineHistory lineage = end().lineage();
        Optional<Lsn> differs = new HeldBytes(files, lineage).firstDifference(start, offered);
        if (differs.isPresent()) {
            throw new DivergentWalException(
                    differs.get(),
                    "upstream's WAL differs from the relay's at %s although both are timeline %s".formatted(differs.get(), lineage.timelineAt(differs.get())));
        }
    }

    /** See {@link WalCache#mend}. What is mended goes to the disk at once: the segment may be whole, and is not synced again then. */
    boolean mend(TimelineHistory lineage, Lsn from, ByteBuffer bytes) throws IOException {
        refuseWhenBroken();
        writeOut();
        if (!end().lineage().reaches(lineage, from.plus(bytes.remaining()))) {
            throw new IOException("the relay follows timeline %s by now, which has not the WAL at %s".formatted(end().lineage().timeline(), from));
        }
        SegmentId id = files.locate(end().lineage(), from).orElseThrow(() -> new IOException("no segment with %s is held".formatted(from)));
        Lsn last = from.plus(bytes.remaining());
        if (last.isAfter(Lsn.min(id.end(size), end().written()))) {
            throw new IllegalArgumentException("can't mend up to %s: the segment or WAL ends before".formatted(last));
        }
        SegmentFile file = files.acquire(id);
        try {
            ByteBuffer held = ByteBuffer.allocate(bytes.remaining());
            file.read(held, size.offset(from));
            if (held.flip().equals(bytes)) {
                return false;
            }
            file.overwrite(bytes, size.offset(from));
            tail.reset(position);
            return true;
        } catch (IOException e) {
            broken = e;
            throw e;
        } finally {
            file.release();
        }
    }

    private void addDirty(Dirty segment) {
        synchronized (dirty) {
            dirty.addLast(segment);
        }
    }

    private void removeDirty(Dirty segment) {
        synchronized (dirty) {
            dirty.remove(segment);
        }
    }

    private List<Dirty> dirtySnapshot() {
        synchronized (dirty) {
            return List.copyOf(dirty);
        }
    }

    /** Nothing is written from now on: what the disk holds is known only to the next start. */
    void breakDown(Exception cause) {
        broken = cause;
    }

    private void refuseWhenBroken() throws IOException {
        Exception cause = broken;
        if (cause != null) {
            throw new IOException("the relay's disk failed before; restart it to recover", cause);
        }
    }
}
