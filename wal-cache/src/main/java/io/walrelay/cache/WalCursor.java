package io.walrelay.cache;

import io.netty.buffer.ByteBuf;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
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
    /** Our own file of a segment may end where a gap begins, the archive's does not. */
    private boolean fromArchive;
    private @Nullable Arrival arriving;

    /** A segment that is asked for from the archive. */
    private record Arrival(SegmentId id, CompletableFuture<Optional<SegmentFile>> file) {
        Optional<SegmentFile> result() throws IOException {
            try {
                return file.join();
            } catch (CompletionException e) {
                throw e.getCause() instanceof IOException io ? io : new IOException("could not fetch segment " + id, e.getCause());
            }
        }
    }

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
     * @throws WalOnItsWayException when it is being fetched from the archive
     * @throws TimelineChangingException when the timeline changes at this moment: ask again after the next wake
     * @throws IOException when a tier that may have it can't be asked
     */
    public WalSlice read(TimelineHistory lineage, Lsn from, Lsn limit, int atMost)
            throws WalNotHeldException, WalOnItsWayException, TimelineChangingException, IOException {
        EndOfWal before = cache.end();
        if (!from.isBefore(before.written())) {
            throw new WalNotHeldException(from, "the relay's WAL ends at %s".formatted(before.written()));
        }
        Lsn end = Lsn.min(limit, before.written());
        WalSlice slice = held(before.lineage(), from, end, atMost);
        if (slice == null) {
            // Not found is expected here: who was away for long reads the archive.
            slice = archived(before.lineage(), from, end, atMost);
        }
        // Looked at last: had the timeline changed before the bytes were taken, they could be another history's.
        TimelineHistory now = cache.end().lineage();
        if (!now.equals(lineage) && !now.reaches(lineage, from.plus(slice.length()))) {
            slice.release();
            throw new WalNotHeldException(
                    from, "WAL of timeline %s at %s is not on the relay's history, which is timeline %s".formatted(lineage.timeline(), from, now.timeline()));
        }
        count(slice);
        return slice;
    }

    private void count(WalSlice slice) {
        switch (slice) {
            case WalSlice.InMemory memory -> cache.reads().fromMemory(memory.length());
            case WalSlice.InFile archived when fromArchive -> cache.reads().fromArchive(archived.length());
            case WalSlice.InFile own -> cache.reads().fromDisk(own.length());
        }
    }

    /** From memory or the local disk; null when neither has the byte at {@code from}. */
    private @Nullable WalSlice held(TimelineHistory own, Lsn from, Lsn end, int atMost) throws IOException {
        Lsn whole = cache.gapAfter(from, end);
        if (!whole.isAfter(from)) {
            return null;
        }
        int wanted = length(from, whole, atMost);
        WalSlice slice = inMemory(from, wanted);
        // Not found is expected here: most readers that are not near the tip read files.
        return slice != null ? slice : inFile(own, from, wanted);
    }

    private @Nullable WalSlice inMemory(Lsn from, int wanted) {
        ByteBuf bytes = cache.tail().slice(from, wanted);
        if (bytes == null) {
            return null;
        }
        closeFile();
        return new WalSlice.InMemory(bytes);
    }

    /** By our own lineage, also for a reader of an ancestor: after a fork its last segment may be there as the new timeline's first only. */
    private @Nullable WalSlice inFile(TimelineHistory own, Lsn from, int wanted) throws IOException {
        SegmentId id = cache.files().locate(own, from).orElse(null);
        if (id == null) {
            return null;
        }
        if (!isOpen(id, false)) {
            try {
                replaceFile(cache.files().acquire(id), false);
            } catch (NoSuchFileException e) {
                return null;
            }
        }
        return slice(from, wanted);
    }

    private WalSlice archived(TimelineHistory own, Lsn from, Lsn end, int atMost)
            throws WalNotHeldException, WalOnItsWayException, TimelineChangingException, IOException {
        ArchivedWal archive = cache.archived().orElse(null);
        if (archive == null) {
            throw notHeld(own, from);
        }
        for (SegmentId id : SegmentFiles.candidates(own, from, size)) {
            if (isOpen(id, true) || arrived(archive, own, id, from)) {
                // On an ancestor's own segment WAL goes on past the fork: that is not ours.
                Lsn last = own.switchPointOf(id.timeline()).map(left -> Lsn.min(left, end)).orElse(end);
                return slice(from, length(from, last, atMost));
            }
        }
        throw notHeld(own, from);
    }

    /** Whether the archive has the segment, which is open then. */
    private boolean arrived(ArchivedWal archive, TimelineHistory own, SegmentId id, Lsn from) throws WalOnItsWayException, IOException {
        Arrival arrival = arriving;
        if (arrival == null || !arrival.id.equals(id)) {
            forgetArrival();
            archive.reads(own, id.number(), cache.end().written());
            arrival = new Arrival(id, archive.fetch(own, id));
            arriving = arrival;
        }
        if (!arrival.file.isDone()) {
            throw new WalOnItsWayException(from, arrival.file);
        }
        arriving = null;
        Optional<SegmentFile> fetched = arrival.result();
        fetched.ifPresent(found -> replaceFile(found, true));
        return fetched.isPresent();
    }

    private boolean isOpen(SegmentId id, boolean archived) {
        SegmentFile open = file;
        return open != null && open.id().equals(id) && fromArchive == archived && !open.isRetired();
    }

    private WalSlice slice(Lsn from, int wanted) {
        SegmentFile open = Objects.requireNonNull(file);
        int offset = size.offset(from);
        open.retain();
        return new WalSlice.InFile(open, offset, Math.min(wanted, size.bytes() - offset));
    }

    private static int length(Lsn from, Lsn limit, int atMost) {
        long all = limit.minus(from);
        if (all <= atMost) {
            return (int) all;
        }
        Lsn cut = from.plus(atMost);
        return atMost - (int) (cut.value() & (PAGE - 1));
    }

    /** While files of a fork change places a name may be missing for a moment: only outside of that it proves anything. */
    private WalNotHeldException notHeld(TimelineHistory own, Lsn from) throws TimelineChangingException {
        // In this order: the mark is taken away after the new lineage is there.
        if (cache.isChangingTimeline() || !cache.end().lineage().equals(own)) {
            throw new TimelineChangingException(from);
        }
        return new WalNotHeldException(from, whyNotHeld(from));
    }

    /** Why nobody has the byte at {@code from}. */
    private String whyNotHeld(Lsn from) {
        String elsewhere = cache.archive().isPresent() ? ", and the archive has it not" : "";
        return cache.gaps().stream()
                .filter(gap -> gap.contains(from) && gap.from().isValid())
                .findFirst()
                .map(gap -> "the relay never got WAL from %s to %s%s; the oldest it holds without a gap is %s".formatted(gap.from(), gap.to(), elsewhere, cache.oldest()))
                .orElseGet(() -> "no tier of the relay holds WAL at %s%s; the oldest on its disk is %s".formatted(from, elsewhere, cache.oldest()));
    }

    private void replaceFile(SegmentFile opened, boolean archived) {
        closeFile();
        file = opened;
        fromArchive = archived;
    }

    private void forgetArrival() {
        Arrival arrival = arriving;
        arriving = null;
        if (arrival != null) {
            var _ = arrival.file.thenAccept(fetched -> fetched.ifPresent(SegmentFile::release));
        }
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
        forgetArrival();
        closeFile();
    }
}
