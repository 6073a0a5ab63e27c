package io.walrelay.cache;

import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.WalSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The log of any lineage that the local disk has something of: the relay's own, one that it descends from, or one that lost.
 *
 * <pre>
 *   wal/      1 ─────────┬─ 2 ────────── the relay's own
 *   orphans/  ………………………└──── 1 ───      the lineage that stayed on 1: up to the fork it is read from wal/
 * </pre>
 *
 * <p>What it says is of the moment when it was made: {@link #requireUnchanged} tells whether that still holds. Confined to one thread, which closes it.
 */
final class LineageLog implements WalSource, AutoCloseable {

    /** A segment file with bytes of the lineage up to {@code limit}. */
    private record Place(String directory, SegmentId id, Lsn limit) {
        boolean isOwn() {
            return directory.equals(SegmentFiles.WAL);
        }
    }

    private record OpenFile(Place place, Storage.File file) {}

    private final WalCache cache;
    private final SegmentFiles files;
    private final SegmentSize size;
    private final TimelineHistory lineage;
    private final EndOfWal end;
    private @Nullable OpenFile open;

    /** @throws IOException while files change places; the same may be asked again */
    LineageLog(WalCache cache, TimelineHistory lineage) throws IOException {
        this.cache = cache;
        this.files = cache.files();
        this.size = cache.segmentSize();
        this.lineage = lineage;
        this.end = cache.end();
        requireUnchanged();
    }

    /** @throws IOException when the relay has gone over to another lineage meanwhile: what was read may have been anything */
    void requireUnchanged() throws IOException {
        if (cache.isChangingTimeline() || !cache.end().lineage().equals(end.lineage())) {
            throw new IOException("the relay goes over to another timeline; ask again");
        }
    }

    /** How far the bytes at {@code at} go without a gap in their segment; {@code at} when there are none. */
    Lsn heldUpTo(Lsn at) {
        return place(at).map(Place::limit).orElse(at);
    }

    /** The directory of the segment that ends a stretch of this lineage, all of whose bytes are of it; empty when that is not held. */
    Optional<String> directoryOf(SegmentId id) {
        return place(id, id.end(size).plus(-1)).map(Place::directory);
    }

    private Optional<Place> place(Lsn at) {
        return SegmentFiles.candidates(lineage, at, size).stream().flatMap(id -> place(id, at).stream()).findFirst();
    }

    private Optional<Place> place(SegmentId id, Lsn at) {
        TimelineHistory wanted = lineage.upTo(id.timeline());
        if (isOf(end.lineage(), wanted) && files.find(id).isPresent()) {
            return upTo(SegmentFiles.WAL, id, at, shared(end.lineage(), cache.gapAfter(at, end.written())));
        }
        return cache.orphans().stream()
                .filter(orphan -> isOf(orphan.lineage(), wanted))
                .filter(orphan -> files.findOrphaned(SegmentFiles.orphanDirectory(orphan.lineage()), id).isPresent())
                .flatMap(orphan -> upTo(SegmentFiles.orphanDirectory(orphan.lineage()), id, at, shared(orphan.lineage(), orphan.end())).stream())
                .findFirst();
    }

    private static boolean isOf(TimelineHistory holder, TimelineHistory wanted) {
        return holder.contains(wanted.timeline()) && holder.upTo(wanted.timeline()).forkWith(wanted).isEmpty();
    }

    private Lsn shared(TimelineHistory holder, Lsn limit) {
        return holder.forkWith(lineage).map(fork -> Lsn.min(fork, limit)).orElse(limit);
    }

    private Optional<Place> upTo(String directory, SegmentId id, Lsn at, Lsn limit) {
        Lsn last = Lsn.min(limit, id.end(size));
        return at.isBefore(last) ? Optional.of(new Place(directory, id, last)) : Optional.empty();
    }

    @Override
    public int read(Lsn at, ByteBuffer into) throws IOException {
        Optional<Place> place = place(at);
        if (place.isEmpty()) {
            return 0;
        }
        int room = (int) Math.min(into.remaining(), place.get().limit.minus(at));
        int n;
        try {
            n = read(place.get(), into.slice(into.position(), room), size.offset(at));
        } catch (NoSuchFileException e) {
            return 0;
        }
        into.position(into.position() + n);
        return n;
    }

    private int read(Place place, ByteBuffer into, int offset) throws IOException {
        if (place.isOwn()) {
            SegmentFile shared = files.acquire(place.id);
            try {
                return shared.read(into, offset);
            } finally {
                shared.release();
            }
        }
        OpenFile now = open;
        if (now == null || !now.place.equals(place)) {
            close();
            SegmentFiles.Orphaned orphan = files.findOrphaned(place.directory, place.id).orElseThrow(() -> new NoSuchFileException(place.toString()));
            now = new OpenFile(place, files.open(orphan));
            open = now;
        }
        return now.file.read(into, offset);
    }

    @Override
    public void close() throws IOException {
        if (open != null) {
            open.file.close();
            open = null;
        }
    }
}
