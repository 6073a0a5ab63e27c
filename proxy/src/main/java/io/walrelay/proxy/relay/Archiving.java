package io.walrelay.proxy.relay;

import io.walrelay.cache.ArchiveKeeping;
import io.walrelay.cache.Archiver;
import io.walrelay.cache.CacheArchive;
import io.walrelay.cache.HeldIndexing;
import io.walrelay.cache.KnownDamage;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalPush;
import io.walrelay.cache.WalVerifier;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.intake.FolderImport;
import io.walrelay.cache.storage.Folder;
import io.walrelay.proxy.config.ArchiveSettings;
import io.walrelay.proxy.config.Verify;
import io.walrelay.proxy.state.ArchiveWork;
import io.walrelay.proxy.state.Events;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Verifies WAL as it comes and indexes its changes, archives it where there is an archive, keeps that in order, and says what is found. Started and closed by one thread. */
final class Archiving implements AutoCloseable, WalPush.Archiving {

    /** Compares WAL that is held with upstream's; see {@link io.walrelay.proxy.upstream.UpstreamLink#mend}. */
    @FunctionalInterface
    interface Mend {
        WalVerifier.Again mend(TimelineHistory lineage, Lsn from, Lsn end) throws IOException, InterruptedException;
    }

    static final String DAMAGED = "wal-damaged";
    private static final String ARCHIVE = "archive";

    private final RelayState state;
    private final Verify verify;
    private final Optional<ArchiveSettings> settings;
    private final String relay;
    private final Mend mend;
    private volatile @Nullable WalVerifier verifier;
    private volatile @Nullable Archiver archiver;
    private @Nullable HeldIndexing indexing;
    private @Nullable ArchiveWork work;
    private boolean closed;

    /**
     * @param settings empty without an archive
     * @param relay by which other relays' operators know this one
     */
    Archiving(RelayState state, Verify verify, Optional<ArchiveSettings> settings, String relay, Mend mend) {
        this.state = state;
        this.verify = verify;
        this.settings = settings;
        this.relay = relay;
        this.mend = mend;
    }

    /** Begins; called once, on any thread. */
    synchronized void begin(WalCache cache) {
        if (closed) {
            return;
        }
        try {
            AcknowledgedBefore acknowledged = AcknowledgedBefore.begin(state, cache, verify == Verify.ACK);
            WalVerifier verifying = cache.verifier(acknowledged.verifyFrom(cache), new Remedy(acknowledged));
            verifying.start();
            verifier = verifying;
            indexing = cache.heldIndexing(verifying);
            indexing.start();
            if (cache.archive().isPresent()) {
                beginArchiving(cache.archive().get(), verifying);
            }
        } catch (IOException e) {
            state.events().error(ARCHIVE, "nothing is archived: the relay's disk can't be asked what was: %s; restart the relay".formatted(e.getMessage()));
            state.setNotReady(ARCHIVE, "nothing is archived: " + e.getMessage());
        }
    }

    private void beginArchiving(CacheArchive archive, WalVerifier verifying) throws IOException {
        Archiver archiving = archive.archiver(verifying, verify != Verify.REPORT, new Told(state.events()));
        Optional<Duration> keep = settings.flatMap(ArchiveSettings::keep);
        ArchiveKeeping keeping = archive.keeping(archiving, keep, "what %s needs".formatted(relay), state.clock(), new Kept(state.events()));
        Optional<Path> from = settings.flatMap(ArchiveSettings::importFrom);
        Optional<FolderImport> folder = from.isEmpty()
                ? Optional.empty()
                : archive.folderImport(new Folder(from.get()), new Importing(state.events(), from.get().toString()));
        ArchiveWork begun = new ArchiveWork(keeping, folder);
        archiver = archiving;
        archiving.start();
        keeping.start();
        folder.ifPresent(FolderImport::start);
        work = begun;
        state.setArchiveWork(begun);
    }

    @Override
    public CompletableFuture<Boolean> whenArchived(ArchivedName name) {
        Archiver running = archiver;
        return running == null ? CompletableFuture.completedFuture(false) : running.whenArchived(name);
    }

    @Override
    public Optional<String> leftOut(SegmentId id) {
        WalVerifier running = verifier;
        if (running == null || archiver == null || verify == Verify.REPORT) {
            return Optional.empty();
        }
        return running.damage(id)
                .map(damage -> "WAL is damaged, %s, so this segment is not archived. Make a base backup; a restart of the relay compares its WAL with upstream's again, with \"verify: report\" in its configuration it archives this as it is"
                        .formatted(damage));
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (work != null) {
            work.folderImport().ifPresent(FolderImport::close);
            work.keeping().close();
        }
        Archiver archiving = archiver;
        if (archiving != null) {
            archiving.close();
        }
        if (indexing != null) {
            indexing.close();
        }
        WalVerifier verifying = verifier;
        if (verifying != null) {
            verifying.close();
        }
    }

    private final class Remedy implements WalVerifier.Remedy {
        private final AcknowledgedBefore acknowledged;

        Remedy(AcknowledgedBefore acknowledged) {
            this.acknowledged = acknowledged;
        }

        @Override
        public void follows(TimelineHistory lineage) {
            acknowledged.follows(lineage);
        }

        @Override
        public void verified(WalVerifier.Verified read) {
            acknowledged.verified(read);
        }

        @Override
        public void found(WalVerifier.Damage damage) {
            state.events().warning(DAMAGED, "the relay's WAL is damaged: %s; upstream is asked for it again".formatted(damage));
        }

        @Override
        public WalVerifier.Again fetchAgain(WalVerifier.Damage damage, Lsn from, Lsn end) throws IOException, InterruptedException {
            WalVerifier.Again again = mend.mend(damage.lineage(), from, end);
            if (again == WalVerifier.Again.MENDED) {
                state.events().warning("wal-mended", "upstream had other bytes than the relay in the segment at %s, which are the relay's now".formatted(from));
            }
            return again;
        }

        @Override
        public void lasting(WalVerifier.Damage damage, WalVerifier.Again why) {
            String where = why == WalVerifier.Again.GONE ? "WAL is damaged, and upstream has removed it" : "WAL is damaged on upstream, too";
            String consequence = switch (verify) {
                case REPORT -> "";
                case ARCHIVE -> "; the segment is not archived";
                case ACK -> "; the segment is not archived, and nothing from there on is acknowledged";
            };
            String problem = "%s: %s%s. A standby stops there; look at the disks, and make a base backup".formatted(where, damage, consequence);
            if (verify == Verify.ACK) {
                acknowledged.endAt(new KnownDamage.Place(damage.lineage(), damage.at()));
            }
            state.setNotReady(DAMAGED, problem);
            state.events().error(DAMAGED, problem);
        }
    }

    private record Kept(Events events) implements ArchiveKeeping.Listener {

        @Override
        public void deleted(int objects, Lsn before) {
            events.info("archive-deleted", "%d files older than archive.keep, which nobody needs, were deleted from the archive; the relay's WAL there begins at %s now"
                    .formatted(objects, before));
        }

        @Override
        public void failed(String reason) {
            events.warning("archive-keeping-failed", "nothing is deleted from the archive now, and others may not know what this relay needs: " + reason);
        }
    }

    private record Told(Events events) implements Archiver.Listener {

        @Override
        public void conflict(String file, String key) {
            events.error("archive-conflict", "the archive has other bytes under the name %s of the same history: two servers wrote it. The relay's are kept beside, as %s"
                    .formatted(file, key));
        }

        @Override
        public void gap(Lsn from, Lsn to) {
            events.error("archive-gap", "the archive has a gap: WAL from %s to %s left the relay's disk before it was archived. Make a base backup".formatted(from, to));
        }

        @Override
        public void failed(String reason) {
            events.warning("archive-failed", "WAL can't be archived now, and stays on the relay's disk: " + reason);
        }

        @Override
        public void recovered() {
            events.info("archive-recovered", "WAL is archived again");
        }
    }
}
