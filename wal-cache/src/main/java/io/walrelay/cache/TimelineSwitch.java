package io.walrelay.cache;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The files of a change of timeline, so that a crash leaves the old timeline in force or the new, never a mixture. Timeline
 * numbers may be taken twice: files of the old lineage can bear the very names that the new one needs.
 *
 * <pre>
 *   prepare   the new timeline's history and the beginning of its first segment, under names of no meaning, durable
 *   (state)   saved by the caller: the new timeline is in force, its files are not in place
 *   place     orphans leave wal/, durably; then what was prepared gets its names, durably
 *   (state)   saved by the caller: the files are in place
 * </pre>
 *
 * <p>{@link #place} is repeated at the next start when a crash came before the second save. Nothing is written under the new
 * timeline before that, so that all it finds in {@code wal/} is the old one's. Confined to the WAL writer thread.
 */
final class TimelineSwitch {

    private static final String SEGMENT = "next.segment";
    private static final String HISTORY = "next.history";

    private final SegmentFiles files;
    private final SegmentSize size;
    private final DurableFiles durable;

    TimelineSwitch(SegmentFiles files, DurableFiles durable) {
        this.files = files;
        this.size = files.size();
        this.durable = durable;
    }

    /** Whether a file was prepared for a change of timeline. */
    static boolean isPrepared(String name) {
        return name.equals(SEGMENT) || name.equals(HISTORY);
    }

    /** Forgets what was prepared for a change that never came into force. */
    void discard() throws IOException {
        files.deletePlain(SEGMENT);
        files.deletePlain(HISTORY);
        files.syncNames();
    }

    /**
     * Prepares for going on at {@code goOn}. The first segment begins with a copy of what the timelines share, as
     * PostgreSQL's own does (xlog.c, XLogInitNewTimeline), so that whoever holds that segment needs no other.
     *
     * @param history the text of the new timeline's history; empty when it has none
     * @throws DiskFullException when there is no room; nothing of it is left
     */
    void prepare(TimelineHistory old, Lsn goOn, byte[] history) throws IOException {
        discard();
        try {
            write(old, goOn, history);
        } catch (IOException e) {
            IOException failure = DiskFullException.orAsItIs(e);
            if (failure instanceof DiskFullException) {
                discard();
            }
            throw failure;
        }
    }

    private void write(TimelineHistory old, Lsn goOn, byte[] history) throws IOException {
        if (history.length > 0) {
            durable.writePlain(files.plainPath(HISTORY), history);
        }
        int shared = size.offset(goOn);
        if (shared > 0) {
            try (Storage.File copy = files.createZeroed(SEGMENT, SegmentFiles.Room.WRITTEN)) {
                copy.write(readShared(old, goOn, shared), 0);
                copy.sync();
            }
        }
        files.syncNames();
    }

    private ByteBuffer readShared(TimelineHistory old, Lsn goOn, int length) throws IOException {
        SegmentId source = files.locate(old, goOn.plus(-1))
                .orElseThrow(() -> new IOException("the segment that holds %s on timeline %s is gone from the relay".formatted(goOn, old.timeline())));
        SegmentFile file = files.acquire(source);
        try {
            ByteBuffer bytes = ByteBuffer.allocate(length);
            if (file.read(bytes, 0) != length) {
                throw new IOException("segment %s ends before %s".formatted(source, goOn));
            }
            return bytes.flip();
        } finally {
            file.release();
        }
    }

    /** Puts the files of {@code state}'s timeline in place. May be repeated after a crash at any instant. */
    void place(CacheState state) throws IOException {
        boolean segmentPrepared = files.existsPlain(SEGMENT);
        // Once the prepared segment has its name, the orphans were gone durably: what bears such a name now is ours.
        if (segmentPrepared || size.offset(state.settled()) == 0) {
            if (state.change() == CacheState.Change.LEAVES_ORPHAN) {
                moveOrphan(state.orphans().getLast());
            }
            deleteStrangers(state.lineage());
            files.syncNames();
        }
        if (files.existsPlain(HISTORY)) {
            files.renamePlain(HISTORY, new WalFileName.History(state.lineage().timeline()).fileName(size));
        }
        if (segmentPrepared) {
            files.placeSegment(SEGMENT, SegmentId.at(state.lineage().timeline(), state.settled(), size));
        }
        files.syncNames();
    }

    private void moveOrphan(Orphan orphan) throws IOException {
        List<SegmentId> past = files.all().stream().map(SegmentFiles.Held::id).filter(id -> liesPastFork(id, orphan)).toList();
        files.moveToOrphans(past, orphan.lineage());
    }

    private boolean liesPastFork(SegmentId id, Orphan orphan) {
        TimelineHistory lost = orphan.lineage();
        boolean timelineReachesPast = id.timeline().equals(lost.timeline())
                || lost.switchPointOf(id.timeline()).filter(left -> left.isAfter(orphan.fork())).isPresent();
        return timelineReachesPast && id.end(size).isAfter(orphan.fork());
    }

    /** A timeline that was left exactly where it began leaves a first segment in which nothing is its own. */
    private void deleteStrangers(TimelineHistory lineage) throws IOException {
        for (SegmentFiles.Held held : files.all()) {
            if (!lineage.contains(held.id().timeline())) {
                files.delete(held.id());
            }
        }
    }
}
