package io.walrelay.cache;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The segment and history files on the local disk and what they are called: {@code wal/} as PostgreSQL would name them,
 * {@code orphans/LINEAGE/} for what lies past a fork on the side that lost. Thread-safe.
 */
final class SegmentFiles {

    static final String WAL = "wal";
    static final String ORPHANS = "orphans";
    private static final String UNFINISHED = "xlogtemp.";

    /** A segment on disk: all of it, or a {@code .partial} whose end only the writer (or a gap's record) knows. */
    record Held(SegmentId id, boolean whole) {
        WalFileName fileName() {
            return whole ? new WalFileName.Segment(id) : new WalFileName.Partial(id);
        }
    }

    /** A segment past a fork. */
    record Orphaned(String directory, Held held) {}

    private final Storage storage;
    private final SegmentSize size;
    private final IndexFiles indexes;
    private final NavigableMap<SegmentId, Held> held = new ConcurrentSkipListMap<>();
    private final Set<Orphaned> orphaned = ConcurrentHashMap.newKeySet();
    private final Map<SegmentId, SegmentFile> open = new HashMap<>();

    SegmentFiles(Storage storage, SegmentSize size) throws IOException {
        this.storage = storage;
        this.size = size;
        this.indexes = new IndexFiles(storage, size);
        storage.createDirectory(WAL);
        storage.createDirectory(ORPHANS);
        storage.syncDirectory("");
        for (String name : storage.list(WAL)) {
            if (isUnfinished(name) || DurableFiles.isTemporary(name)) {
                storage.delete(path(name));
                continue;
            }
            segment(name).ifPresent(found -> held.merge(found.id, found, (a, b) -> a.whole ? a : b));
        }
        takeIndexes(WAL, all());
        for (String directory : storage.list(ORPHANS)) {
            String path = ORPHANS + "/" + directory;
            List<Held> there = storage.list(path).stream().flatMap(name -> segment(name).stream()).toList();
            there.forEach(found -> orphaned.add(new Orphaned(path, found)));
            takeIndexes(path, there);
        }
    }

    private void takeIndexes(String directory, List<Held> segments) throws IOException {
        Set<SegmentId> whole = segments.stream().filter(Held::whole).map(Held::id).collect(Collectors.toSet());
        for (String name : storage.list(directory)) {
            Optional<SegmentId> indexed = indexes.segmentOf(name);
            if (indexed.isPresent()) {
                indexes.found(directory, indexed.get(), whole.contains(indexed.get()));
            }
        }
    }

    private Optional<Held> segment(String fileName) {
        return WalFileName.parse(fileName, size).flatMap(name -> switch (name) {
            case WalFileName.Segment s -> Optional.of(new Held(s.id(), true));
            case WalFileName.Partial p -> Optional.of(new Held(p.id(), false));
            case WalFileName.History h -> Optional.empty();
            case WalFileName.Backup b -> Optional.empty();
        });
    }

    SegmentSize size() {
        return size;
    }

    /** What is known of the changes in whole segments; an index goes where its segment goes. */
    IndexFiles indexes() {
        return indexes;
    }

    List<Held> all() {
        return List.copyOf(held.values());
    }

    List<Orphaned> orphaned() {
        return List.copyOf(orphaned);
    }

    /** Bytes that all segments take, orphans included, and their indexes. */
    long bytes() {
        return (long) (held.size() + orphaned.size()) * size.bytes() + indexes.bytes();
    }

    /** The last of a timeline's segments that has its whole name. */
    Optional<SegmentId> newestWhole(TimelineId timeline) {
        return held.values().stream()
                .filter(h -> h.whole() && h.id().timeline().equals(timeline))
                .map(Held::id)
                .max(Comparator.naturalOrder());
    }

    Optional<Held> find(SegmentId id) {
        return Optional.ofNullable(held.get(id));
    }

    Optional<Orphaned> findOrphaned(String directory, SegmentId id) {
        return orphaned.stream().filter(o -> o.directory.equals(directory) && o.held.id.equals(id)).findFirst();
    }

    /** The held file among {@link #candidates}. */
    Optional<SegmentId> locate(TimelineHistory lineage, Lsn lsn) {
        return candidates(lineage, lsn, size).stream().filter(held::containsKey).findFirst();
    }

    /**
     * The files that may have the byte at {@code lsn} of {@code lineage}. The newest timeline's comes first: PostgreSQL begins a
     * timeline's first segment with a copy of what it shares with its parent, and so do we (walsender.c, WalSndSegmentOpen).
     */
    static List<SegmentId> candidates(TimelineHistory lineage, Lsn lsn, SegmentSize size) {
        Lsn lastByte = size.endOf(lsn).plus(-1);
        List<TimelineId> timelines = new ArrayList<>();
        for (TimelineHistory.Ancestor a : lineage.ancestors()) {
            if (a.switchPoint().isAfter(lsn)) {
                timelines.addFirst(a.timeline());
                if (a.switchPoint().isAfter(lastByte)) {
                    break;
                }
            }
        }
        if (lineage.begin().isAtMost(lastByte)) {
            timelines.addFirst(lineage.timeline());
        }
        long number = size.segmentNumber(lsn);
        return timelines.stream().map(t -> new SegmentId(t, number)).toList();
    }

    /** Opens a segment for reading, or shares it with those who read it already. The caller releases it. */
    SegmentFile acquire(SegmentId id) throws IOException {
        synchronized (open) {
            SegmentFile shared = open.get(id);
            if (shared != null && shared.tryRetain()) {
                return shared;
            }
            Held h = held.get(id);
            if (h == null) {
                throw new NoSuchFileException(path(new WalFileName.Segment(id)));
            }
            SegmentFile file = new SegmentFile(id, storage.open(path(h)), this::forget);
            open.put(id, file);
            return file;
        }
    }

    /** Opens a segment past a fork. The caller closes it. */
    Storage.File open(Orphaned orphan) throws IOException {
        return storage.open(path(orphan));
    }

    /** A file that lost its name must not be found under it when another gets it: timeline numbers are taken twice. */
    private void retire(SegmentId id) {
        SegmentFile file = open.remove(id);
        if (file != null) {
            file.retire();
        }
    }

    private void forget(SegmentFile file) {
        synchronized (open) {
            open.remove(file.id(), file);
        }
    }

    /** How a new segment's file gets its room. */
    enum Room {
        /** Zeros are written: later syncs of its bytes change no metadata, which makes each of them cheaper. */
        WRITTEN,
        /** Blocks are taken and nothing is written: cheaper for a file that is synced once or twice. */
        RESERVED
    }

    /** A new file of a whole segment's length that reads as zeros, durably, under a name that is no segment's. */
    Storage.File createZeroed(String name, Room room) throws IOException {
        deletePlain(name);
        Storage.File file = storage.create(path(name));
        try {
            switch (room) {
                case WRITTEN -> writeZeros(file);
                case RESERVED -> file.reserve(size.bytes());
            }
            file.sync();
            return file;
        } catch (IOException | RuntimeException e) {
            file.close();
            deletePlain(name);
            throw e;
        }
    }

    private void writeZeros(Storage.File file) throws IOException {
        ByteBuffer zeros = ByteBuffer.allocateDirect(1 << 20);
        for (int offset = 0; offset < size.bytes(); offset += zeros.capacity()) {
            file.write(zeros.clear(), offset);
        }
    }

    /** The name of the {@code sequence}-th file that is prepared for the writer. Recovery deletes those. */
    static String unfinishedName(int sequence) {
        return UNFINISHED + sequence;
    }

    /** Whether a file is one that was prepared for the writer and has no segment's name yet. */
    static boolean isUnfinished(String name) {
        return name.startsWith(UNFINISHED);
    }

    boolean existsPlain(String name) throws IOException {
        return storage.exists(path(name));
    }

    void deletePlain(String name) throws IOException {
        if (storage.exists(path(name))) {
            storage.delete(path(name));
        }
    }

    void renamePlain(String from, String to) throws IOException {
        storage.rename(path(from), path(to));
    }

    String plainPath(String name) {
        return path(name);
    }

    /** Gives a zeroed file the name of a segment to be written. Durable after {@link #syncNames}. */
    void beginSegment(String zeroed, SegmentId id) throws IOException {
        if (held.containsKey(id)) {
            throw new FileAlreadyExistsException(path(held.get(id)), null, "segment is held already");
        }
        Held partial = new Held(id, false);
        storage.rename(path(zeroed), path(partial));
        held.put(id, partial);
    }

    /** As {@link #beginSegment}, but takes the place of a segment of that name, if there is one. */
    void placeSegment(String prepared, SegmentId id) throws IOException {
        synchronized (open) {
            retire(id);
            if (find(id).filter(Held::whole).isPresent()) {
                delete(id);
            }
            Held partial = new Held(id, false);
            storage.rename(path(prepared), path(partial));
            held.put(id, partial);
        }
    }

    /** Takes {@code .partial} off a segment whose bytes are all synced. Durable after {@link #syncNames}. */
    void completeSegment(SegmentId id) throws IOException {
        synchronized (open) {
            Held whole = new Held(id, true);
            storage.rename(path(new Held(id, false)), path(whole));
            held.put(id, whole);
        }
    }

    /** Takes a segment for one that is being written, whatever it was. Durable after {@link #syncNames}. */
    void resumeSegment(SegmentId id) throws IOException {
        synchronized (open) {
            if (find(id).filter(Held::whole).isPresent()) {
                Held partial = new Held(id, false);
                indexes.delete(WAL, id);
                storage.rename(path(new Held(id, true)), path(partial));
                held.put(id, partial);
            }
        }
    }

    /** When a segment was last written to; empty when it is gone. */
    Optional<Instant> lastModified(Held h) throws IOException {
        return lastModified(path(h));
    }

    Optional<Instant> lastModified(Orphaned orphan) throws IOException {
        return lastModified(path(orphan));
    }

    private Optional<Instant> lastModified(String path) throws IOException {
        try {
            return Optional.of(storage.lastModified(path));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    Storage.File openForWriting(SegmentId id) throws IOException {
        return storage.open(path(new Held(id, false)));
    }

    void delete(SegmentId id) throws IOException {
        Held gone = takeOut(id);
        if (gone != null) {
            indexes.delete(WAL, id);
            storage.delete(path(gone));
        }
    }

    void deleteOrphan(String directory, SegmentId id) throws IOException {
        for (Orphaned orphan : orphaned()) {
            if (orphan.directory.equals(directory) && orphan.held.id.equals(id)) {
                orphaned.remove(orphan);
                indexes.delete(directory, id);
                storage.delete(path(orphan));
            }
        }
    }

    /** From now on nobody finds the segment; those who read it read on. Readers wait for this, so the disk is touched after it. */
    private @Nullable Held takeOut(SegmentId id) {
        synchronized (open) {
            retire(id);
            return held.remove(id);
        }
    }

    /** Moves segments into the name space of the lineage that they are an orphan of. They have left {@code wal/} durably after {@link #syncNames}. */
    void moveToOrphans(List<SegmentId> ids, TimelineHistory lineage) throws IOException {
        String directory = orphanDirectory(lineage);
        storage.createDirectory(directory);
        for (SegmentId id : ids) {
            Held moved = takeOut(id);
            if (moved != null) {
                Orphaned orphan = new Orphaned(directory, moved);
                storage.rename(path(moved), path(orphan));
                indexes.move(WAL, directory, id);
                orphaned.add(orphan);
            }
        }
        storage.syncDirectory(directory);
        storage.syncDirectory(ORPHANS);
    }

    void syncNames() throws IOException {
        storage.syncDirectory(WAL);
    }

    static String orphanDirectory(TimelineHistory lineage) {
        return ORPHANS + "/" + lineage.directoryName();
    }

    String path(WalFileName name) {
        return path(name.fileName(size));
    }

    private String path(Held h) {
        return path(h.fileName());
    }

    private String path(Orphaned orphan) {
        return orphan.directory + "/" + orphan.held.fileName().fileName(size);
    }

    private static String path(String name) {
        return WAL + "/" + name;
    }
}
