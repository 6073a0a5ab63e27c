package io.walrelay.cache;

import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.ReadAhead;
import io.walrelay.cache.archive.SegmentFetcher;
import io.walrelay.cache.intake.FolderImport;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;

/** One cluster's segments in the archive, for those who read WAL: fetched when asked for, and ahead of who reads on. Thread-safe. */
final class ArchivedWal implements AutoCloseable {

    private static final int WIDEST_WINDOW = 32;

    /** What one reader may have fetched ahead, as a part of all that is kept: others read too. */
    private static final int READERS = 4;

    private final ArchiveTier tier;
    private final SystemId system;
    private final SegmentSize size;
    private final SegmentFetcher fetcher;
    private final ReadAhead readAhead;
    private volatile Map<ArchivedName, String> elsewhere = Map.of();

    /** @param keep bytes of fetched segments to keep at most */
    ArchivedWal(ArchiveTier tier, SystemId system, SegmentSize size, Storage storage, long keep) throws IOException {
        this.tier = tier;
        this.system = system;
        this.size = size;
        this.fetcher = new SegmentFetcher(this::copy, storage, keep);
        this.readAhead = new ReadAhead((int) Math.min(WIDEST_WINDOW, keep / size.bytes() / READERS));
    }

    /** @throws IOException while it can't be asked */
    Archive archive() throws IOException {
        return tier.of(system);
    }

    ArchiveTier tier() {
        return tier;
    }

    /** Names that something else has in the archive, and under which keys our files are. */
    void liesElsewhere(Map<ArchivedName, String> keys) {
        elsewhere = keys;
    }

    private boolean copy(ArchivedName name, OutputStream into) throws IOException {
        String key = elsewhere.get(name);
        return key == null ? archive().fetch(name, into) : archive().fetchBeside(key, into);
    }

    /**
     * @param mayBegin whether nobody deletes what comes in
     * @param busy whether the relay's own WAL waits to be archived
     */
    FolderImport.Target forImport(BooleanSupplier mayBegin, BooleanSupplier busy) {
        return new FolderImport.Target() {
            @Override
            public Archive archive() throws IOException {
                return ArchivedWal.this.archive();
            }

            @Override
            public boolean mayBegin() {
                return mayBegin.getAsBoolean();
            }

            @Override
            public void arrived(ArchivedName name) {
                fetcher.nowThere(name);
            }

            @Override
            public boolean isBusy() {
                return busy.getAsBoolean();
            }
        };
    }

    SegmentFetcher fetcher() {
        return fetcher;
    }

    ArchivedName name(TimelineHistory own, SegmentId id) {
        return new ArchivedName(own.upTo(id.timeline()), new WalFileName.Segment(id), size);
    }

    /** The files that may have the byte at {@code position}; at least one. */
    List<ArchivedName> names(TimelineHistory own, Lsn position) {
        return SegmentFiles.candidates(own, position, size).stream().map(id -> name(own, id)).toList();
    }

    /** As {@link SegmentFetcher#fetch}; {@code id} is of {@code own} or of one of its ancestors. */
    CompletableFuture<Optional<SegmentFile>> fetch(TimelineHistory own, SegmentId id) {
        return fetcher.fetch(name(own, id), id);
    }

    /**
     * A reader of {@code own} has come to segment {@code number}: what it will probably read next is fetched.
     *
     * @param end where that ends at the latest
     */
    void reads(TimelineHistory own, long number, Lsn end) {
        synchronized (readAhead) {
            for (long next : readAhead.asked(number)) {
                Lsn last = size.start(next).plus(size.bytes() - 1L);
                if (last.isBefore(end)) {
                    TimelineId timeline = own.timelineAt(last);
                    SegmentId id = new SegmentId(timeline, next);
                    fetcher.fetchAhead(name(own, id), id);
                }
            }
        }
    }

    @Override
    public void close() {
        fetcher.close();
    }
}
