package io.walrelay.cache;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.walrelay.cache.WalFile.Content;
import io.walrelay.cache.WalFile.Tier;
import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.lookup.Answer;
import io.walrelay.cache.lookup.Place;
import io.walrelay.cache.lookup.Place.Extent;
import io.walrelay.cache.lookup.WalLookup;
import io.walrelay.cache.lookup.WalQuery;
import io.walrelay.cache.lookup.WalView;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/**
 * Finds files by PostgreSQL's names for them, wherever they lie: acts on what {@link WalLookup} answers. Thread-safe; blocks while a disk or
 * the archive is asked.
 */
public final class WalByName {

    /** As in a few segments' time the same one is asked for by many. */
    private static final int CHECKSUMS = 4_096;

    /** An archive that takes longer can't be asked. */
    private static final int ARCHIVE_SECONDS = 60;

    /** A client that asks for a history does not wait for longer. */
    private static final Duration LINEAGES_WITHIN = Duration.ofSeconds(8);

    /** A change of timeline moves a few files, which is done within this by far. */
    private static final int ATTEMPTS = 20;

    private static final long BETWEEN_ATTEMPTS_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    public sealed interface Result {
        /** {@code file} is the receiver's to close. */
        record Found(WalFile file) implements Result {}

        record Missing(Answer.Missing why) implements Result {}

        record NotOnLineage(Answer.NotOnLineage why) implements Result {}
    }

    /** One file's bytes that do not change: a mended segment has another time. */
    private record Version(Object name, Extent extent, Optional<Instant> modified) {}

    private final WalCache cache;
    private final Optional<ArchivedWal> archive;
    private final Optional<KnownLineages> archivedLineages;
    private final Cache<Version, Integer> checksums = Caffeine.newBuilder().maximumSize(CHECKSUMS).build();

    /** @param cache not looked at yet */
    WalByName(WalCache cache, Optional<ArchivedWal> archive) {
        this.cache = cache;
        this.archive = archive;
        this.archivedLineages = archive.map(it -> new KnownLineages(it, LINEAGES_WITHIN));
    }

    /**
     * Finds a file, or proves that it is not to be had.
     *
     * @throws IOException when a tier that may have it could not be asked
     */
    public Result find(WalQuery query) throws IOException {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            TimelineHistory own = cache.end().lineage();
            Result result = search(query, own);
            // While files of a fork change places nothing is proved by where they are.
            if (!cache.isChangingTimeline() && cache.end().lineage().equals(own)) {
                return result;
            }
            if (result instanceof Result.Found(var file)) {
                file.close();
            }
            LockSupport.parkNanos(BETWEEN_ATTEMPTS_NANOS);
        }
        throw new IOException("the relay's timeline is changing; expected to answer after that");
    }

    private Result search(WalQuery query, TimelineHistory own) throws IOException {
        WalView view = view(query.name(), own, archive.isEmpty() ? new WalView.Archived.None() : new WalView.Archived.NotAsked());
        Answer answer = WalLookup.decide(query, view);
        if (answer instanceof Answer.AskArchive) {
            view = view(query.name(), own, new WalView.Archived.Has(archivedLineages.orElseThrow().all()));
            answer = WalLookup.decide(query, view);
        }
        return switch (answer) {
            case Answer.AskArchive _ -> throw new IllegalStateException("the archive was asked already for " + query);
            case Answer.NotOnLineage refusal -> new Result.NotOnLineage(refusal);
            case Answer.Look(var places, var otherwise) -> look(places, otherwise, own);
        };
    }

    /** What is known about a name, without the archive. */
    WalView view(WalFileName name) {
        return view(name, cache.end().lineage(), archive.isEmpty() ? new WalView.Archived.None() : new WalView.Archived.NotAsked());
    }

    private WalView view(WalFileName name, TimelineHistory own, WalView.Archived archive) {
        Optional<SegmentId> id = switch (name) {
            case WalFileName.Segment s -> Optional.of(s.id());
            case WalFileName.Partial p -> Optional.of(p.id());
            case WalFileName.Backup _, WalFileName.History _ -> Optional.empty();
        };
        Lsn written = cache.end().written();
        return new WalView(
                own,
                written,
                cache.segmentSize(),
                id.flatMap(i -> ownCopy(i, own, written)),
                cache.orphans().stream().map(orphan -> new WalView.Orphaned(orphan.lineage(), id.flatMap(i -> copyPastFork(i, orphan)))).toList(),
                archive);
    }

    private Optional<WalView.Copy> ownCopy(SegmentId id, TimelineHistory own, Lsn written) {
        return cache.files().find(id).map(held -> {
            Lsn all = own.switchPointOf(id.timeline()).orElse(written);
            return held.whole() ? new WalView.Copy(true, id.end(cache.segmentSize())) : new WalView.Copy(false, cache.gapAfter(id.start(cache.segmentSize()), all));
        });
    }

    private Optional<WalView.Copy> copyPastFork(SegmentId id, Orphan orphan) {
        return cache.files().findOrphaned(SegmentFiles.orphanDirectory(orphan.lineage()), id).map(file -> file.held().whole()
                ? new WalView.Copy(true, id.end(cache.segmentSize()))
                : new WalView.Copy(false, orphan.lineage().switchPointOf(id.timeline()).orElse(orphan.end())));
    }

    /** Where one tier can't be asked the next may have it: only when none has is that a failure. */
    private Result look(List<Place> places, Answer.Missing otherwise, TimelineHistory own) throws IOException {
        IOException fault = null;
        for (Place place : places) {
            try {
                Optional<WalFile> found = open(place, own);
                if (found.isPresent()) {
                    return new Result.Found(found.get());
                }
            } catch (IOException e) {
                if (fault == null) {
                    fault = e;
                } else {
                    fault.addSuppressed(e);
                }
            }
        }
        if (fault != null) {
            throw fault;
        }
        return new Result.Missing(otherwise);
    }

    private Optional<WalFile> open(Place place, TimelineHistory own) throws IOException {
        try {
            return switch (place) {
                case Place.Own(var id, var extent) -> {
                    SegmentFiles.Held held = cache.files().find(id).orElseThrow(() -> new NoSuchFileException(id.toString()));
                    Version version = new Version(id, extent, cache.files().lastModified(held));
                    yield Optional.of(segment(Tier.DISK, cache.files().acquire(id), extent, version));
                }
                case Place.Orphan(var lineage, var id, var extent) -> {
                    SegmentFiles.Orphaned file = cache.files().findOrphaned(SegmentFiles.orphanDirectory(lineage), id)
                            .orElseThrow(() -> new NoSuchFileException(SegmentFiles.orphanDirectory(lineage)));
                    SegmentFile open = new SegmentFile(id, cache.files().open(file), _ -> {});
                    yield Optional.of(segment(Tier.DISK, open, extent, new Version(file, extent, cache.files().lastModified(file))));
                }
                case Place.Archived(var name, var extent) -> archived(name, extent, own);
                case Place.History(var lineage) -> Optional.of(text(Tier.DISK, history(lineage, own)));
            };
        } catch (NoSuchFileException e) {
            return Optional.empty(); // Freed meanwhile.
        }
    }

    private WalFile segment(Tier tier, SegmentFile file, Extent extent, Version version) throws IOException {
        try {
            int bytes = extent.bytes().orElse(cache.segmentSize().bytes());
            Content content = new Content.OfSegment(file, bytes, extent.padded() ? cache.segmentSize().bytes() - bytes : 0);
            boolean settled = tier == Tier.ARCHIVE || extent.bytes().isEmpty();
            Optional<Lsn> end = extent.bytes().isEmpty() ? Optional.empty() : Optional.of(file.id().start(cache.segmentSize()).plus(bytes));
            return new WalFile(tier, content, end, settled ? Optional.of(checksum(version, content)) : Optional.empty());
        } catch (IOException | RuntimeException e) {
            file.release();
            throw e;
        }
    }

    private int checksum(Version version, Content content) throws IOException {
        try {
            return checksums.get(version, _ -> {
                try {
                    return WalFile.checksumOf(content);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private static WalFile text(Tier tier, byte[] bytes) throws IOException {
        Content content = new Content.Text(ByteBuffer.wrap(bytes).asReadOnlyBuffer());
        return new WalFile(tier, content, Optional.empty(), Optional.of(WalFile.checksumOf(content)));
    }

    private byte[] history(TimelineHistory lineage, TimelineHistory own) throws IOException {
        boolean ours = own.contains(lineage.timeline()) && own.upTo(lineage.timeline()).equals(lineage);
        Optional<byte[]> asItCame = ours ? cache.history(lineage.timeline()) : Optional.empty();
        return asItCame.orElseGet(() -> lineage.format().getBytes(StandardCharsets.UTF_8));
    }

    private Optional<WalFile> archived(ArchivedName name, Extent extent, TimelineHistory own) throws IOException {
        ArchivedWal open = archive.orElseThrow();
        return switch (name.file()) {
            case WalFileName.Segment(var id) -> {
                if (own.contains(id.timeline()) && own.upTo(id.timeline()).equals(name.lineage())) {
                    open.reads(own, id.number(), cache.end().written());
                }
                yield fetched(open, name, id, extent);
            }
            case WalFileName.Partial(var id) -> fetched(open, name, id, extent);
            case WalFileName.History _, WalFileName.Backup _ -> small(open.archive(), name);
        };
    }

    private Optional<WalFile> fetched(ArchivedWal open, ArchivedName name, SegmentId id, Extent extent) throws IOException {
        Optional<SegmentFile> file = await(open.fetcher().fetch(name, id), name);
        return file.isPresent() ? Optional.of(segment(Tier.ARCHIVE, file.get(), extent, new Version(name, extent, Optional.empty()))) : Optional.empty();
    }

    static Optional<SegmentFile> await(CompletableFuture<Optional<SegmentFile>> future, ArchivedName name) throws IOException {
        try {
            return future.get(ARCHIVE_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException io ? io : new IOException("could not fetch %s".formatted(name), e.getCause());
        } catch (TimeoutException e) {
            var _ = future.thenAccept(late -> late.ifPresent(SegmentFile::release));
            throw new IOException("the archive did not answer within %d s about %s".formatted(ARCHIVE_SECONDS, name), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            var _ = future.thenAccept(late -> late.ifPresent(SegmentFile::release));
            throw new IOException("interrupted while the archive was asked about %s".formatted(name), e);
        }
    }

    private static Optional<WalFile> small(Archive archive, ArchivedName name) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        return archive.fetch(name, bytes) ? Optional.of(text(Tier.ARCHIVE, bytes.toByteArray())) : Optional.empty();
    }

    /** Somebody has put a file: what was not there may be now. */
    void nowThere(ArchivedName name) {
        archivedLineages.ifPresent(KnownLineages::forget);
        archive.ifPresent(open -> open.fetcher().nowThere(name));
    }
}
