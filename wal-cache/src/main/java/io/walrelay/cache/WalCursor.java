package io.walrelay.cache;

import io.netty.buffer.ByteBuf;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import org.jspecify.annotations.Nullable;

/**
 * One reader's view of the WAL: from a position to the bytes, wherever they lie. It remembers the file it last read from, so
 * that a sequential reader opens each once. Confined to its owner's thread; closed by it.
 */
public final class WalCursor implements AutoCloseable {

    private static final int PAGE = 8192;

    private final WalCache cache;
    private final SegmentSize size;
    private @Nullable SegmentFile file;

    WalCursor(WalCache cache) {
        this.cache = cache;
        this.size = cache.segmentSize();
    }

    /**
     * WAL of {@code lineage} from {@code from} on: what lies in one place, up to {@code limit} and at most {@code atMost}
     * bytes. It ends at {@code limit}, or at a page boundary: where a message may end (walsender.c, XLogSendPhysical).
     *
     * @param lineage the relay's own, or an ancestor of it, whose fork from it {@code limit} does not pass
     * @param limit after {@code from}. Nothing past the published end of WAL is read whatever it is: segment files are
     *     longer than what was written to them
     * @param atMost at least one page
     * @throws WalNotHeldException when no tier has the byte at {@code from}
     * @throws TimelineChangingException when the timeline changes at this moment: ask again after the next wake
     * @throws IOException when a tier that may have it can't be asked
     */
    public WalSlice read(TimelineHistory lineage, Lsn from, Lsn limit, int atMost) throws WalNotHeldException, TimelineChangingException, IOException {
        EndOfWal before = cache.end();
        if (!from.isBefore(before.written())) {
            throw new WalNotHeldException(from, "the relay's WAL ends at %s".formatted(before.written()));
        }
        int wanted = length(from, cache.limitByGaps(from, Lsn.min(limit, before.written())), atMost);
        WalSlice slice = inMemory(from, wanted);
        if (slice == null) {
            // Not found is expected here: most readers that are not near the tip read files.
            slice = inFile(before.lineage(), from, wanted);
        }
        // Looked at last: had the timeline changed before the bytes were taken, they could be another history's.
        TimelineHistory now = cache.end().lineage();
        if (!now.equals(lineage) && !now.reaches(lineage, from.plus(slice.length()))) {
            slice.release();
            throw new WalNotHeldException(
                    from, "WAL of timeline %s at %s is not on the relay's history, which is timeline %s".formatted(lineage.timeline(), from, now.timeline()));
        }
        return slice;
    }

    private @Nullable WalSlice inMemory(Lsn from, int wanted) {
        ByteBuf bytes = cache.tail().slice(from, wanted);
        if (bytes == null) {
            return null;
        }
        closeFile();
        return new WalSlice.InMemory(bytes);
    }

    private WalSlice inFile(TimelineHistory own, Lsn from, int wanted) throws WalNotHeldException, TimelineChangingException, IOException {
        SegmentFile found = fileFor(own, from);
        int offset = size.offset(from);
        found.retain();
        return new WalSlice.InFile(found, offset, Math.min(wanted, size.bytes() - offset));
    }

    private static int length(Lsn from, Lsn limit, int atMost) {
        long all = limit.minus(from);
        if (all <= atMost) {
            return (int) all;
        }
        Lsn cut = from.plus(atMost);
        return atMost - (int) (cut.value() & (PAGE - 1));
    }

    /** By our own lineage, also for a reader of an ancestor: after a fork its last segment may be there as the new timeline's first only. */
    private SegmentFile fileFor(TimelineHistory own, Lsn from) throws WalNotHeldException, TimelineChangingException, IOException {
        SegmentId id = cache.files().locate(own, from).orElse(null);
        if (id == null) {
            throw notHeld(own, from);
        }
        SegmentFile open = file;
        if (open != null && open.id().equals(id) && !open.isRetired()) {
            return open;
        }
        closeFile();
        try {
            SegmentFile opened = cache.files().acquire(id);
            file = opened;
            return opened;
        } catch (NoSuchFileException e) {
            throw notHeld(own, from);
        }
    }

    /** While files of a fork change places a name may be missing for a moment: only outside of that it proves anything. */
    private WalNotHeldException notHeld(TimelineHistory own, Lsn from) throws TimelineChangingException {
        // In this order: the mark is taken away after the new lineage is there.
        if (cache.isChangingTimeline() || !cache.end().lineage().equals(own)) {
            throw new TimelineChangingException(from);
        }
        return new WalNotHeldException(from, "no tier of the relay holds WAL at %s; the oldest it holds is %s".formatted(from, cache.oldest()));
    }

    private void closeFile() {
        SegmentFile open = file;
        if (open != null) {
            file = null;
            open.release();
        }
    }

    @Override
    public void close() {
        closeFile();
    }
}
