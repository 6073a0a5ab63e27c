package io.walrelay.cache;

import io.walrelay.cache.archive.SegmentFetcher;
import io.walrelay.cache.intake.FolderImport;
import io.walrelay.cache.intake.Imported;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.Folder;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What a cache has to do with its archive. It makes what works there, and knows what it made; whoever asked starts each, and closes it before the
 * cache. Thread-safe.
 */
public final class CacheArchive {

    private final WalCache cache;
    private final DurableFiles durable;
    private final ArchivedWal wal;
    private volatile @Nullable Archiver archiver;
    private volatile @Nullable ArchiveKeeping keeping;
    private volatile @Nullable FolderImport folderImport;

    CacheArchive(WalCache cache, DurableFiles durable, ArchivedWal wal) {
        this.cache = cache;
        this.durable = durable;
        this.wal = wal;
    }

    /** For those who read WAL. */
    ArchivedWal wal() {
        return wal;
    }

    /** What was fetched since the start. */
    public SegmentFetcher.Statistics fetched() {
        return wal.fetcher().statistics();
    }

    /**
     * Something that archives WAL once it is verified.
     *
     * @param leavesOut whether a segment with damage that lasts is not archived
     * @throws IOException when the disk can't be asked
     */
    public Archiver archiver(WalVerifier verifier, boolean leavesOut, Archiver.Listener listener) throws IOException {
        ArchiveProgress.File file = progressFile();
        ArchiveProgress progress = file.load().orElseGet(() -> ArchiveProgress.begin(cache.end().lineage(), cache.oldest()));
        Predicate<SegmentId> never = id -> leavesOut && verifier.isDamaged(id);
        Archiver made = new Archiver(cache, wal, verifier, never, file, progress, listener);
        archiver = made;
        return made;
    }

    private ArchiveProgress.File progressFile() {
        return new ArchiveProgress.File(durable, cache.segmentSize(), wal.tier());
    }

    /** What {@link #archiver} has made; empty before. */
    public Optional<Archiver> archiving() {
        return Optional.ofNullable(archiver);
    }

    /**
     * As {@link #archiving}, once others who delete from the archive know what this relay needs: before that, what is there may go at any moment,
     * and the disk is not freed because of it.
     */
    Optional<Archiver> reliable() {
        ArchiveKeeping keeper = keeping;
        return keeper == null || keeper.isKnown() ? archiving() : Optional.empty();
    }

    /** Whether the archive has said, after it was known what this relay needs of it, that it lacks the WAL at {@code position}. */
    boolean lacks(TimelineHistory lineage, Lsn position) {
        ArchiveKeeping keeper = keeping;
        return keeper != null && keeper.absent().containsAll(wal.names(lineage, position));
    }

    /** Own WAL that was archived before, as the disk remembers it; where the oldest on the disk begins when nothing was. */
    Lsn archivedUpTo() throws IOException {
        Optional<ArchiveProgress> progress = progressFile().load();
        return progress.map(p -> Lsn.max(cache.oldest(), p.on(cache.end().lineage(), cache.segmentSize()).archived())).orElse(cache.oldest());
    }

    /**
     * Something that takes in what another archiver left in a folder; empty when all of the folder was taken in before.
     *
     * @throws IOException when the disk can't be asked
     */
    public Optional<FolderImport> folderImport(Folder folder, FolderImport.Listener listener) throws IOException {
        Imported done = new Imported(durable);
        if (done.has(wal.tier().knownId().orElse(""), folder.toString())) {
            return Optional.empty();
        }
        FolderImport.Target target = wal.forImport(this::isImportKnown, () -> archiving().map(Archiver::isBusy).orElse(false));
        FolderImport made = new FolderImport(folder, cache.system(), cache.segmentSize(), target, done, listener);
        folderImport = made;
        return Optional.of(made);
    }

    /** Whether those who delete from the archive know that older WAL comes in. */
    private boolean isImportKnown() {
        ArchiveKeeping keeper = keeping;
        return keeper == null || keeper.isHeard();
    }

    /** The folder that is being imported; empty when none is, or all of it has come. */
    Optional<String> importing() {
        return Optional.ofNullable(folderImport).map(FolderImport::status).filter(status -> !status.ended()).map(FolderImport.Status::folder);
    }

    /**
     * Something that says in the archive what this relay needs, and deletes there what is old. It is made before {@code archiving} and any import
     * are started: see {@link #reliable}.
     *
     * @param keep how long WAL is kept there that nobody needs; empty for ever
     * @param note by which people know the relay
     * @throws IOException when the disk can't be asked
     */
    public ArchiveKeeping keeping(Archiver archiving, Optional<Duration> keep, String note, Clock clock, ArchiveKeeping.Listener listener) throws IOException {
        ArchiveNeeds needs = new ArchiveNeeds(cache, archiving, this::importing);
        ArchiveKeeping made = new ArchiveKeeping(cache, wal, archiving, needs, RelayPins.load(durable, note, wal.tier()), keep, clock, listener);
        keeping = made;
        return made;
    }

    /** What is kept in the archive whatever its age. */
    public Pins pins() {
        return new Pins(cache, wal);
    }
}
