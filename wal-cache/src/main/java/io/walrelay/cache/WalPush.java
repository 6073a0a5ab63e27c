package io.walrelay.cache;

import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.lookup.PushRule;
import io.walrelay.cache.lookup.PushRule.Verdict;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.PageHeader;
import io.walrelay.wal.format.WalVersion;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Takes files that a server's archive_command pushes: acts on what {@link PushRule} says. A file comes into {@code incoming/} in the data directory,
 * is looked at there, and is gone when it has been answered. Thread-safe; blocks while a disk or the archive is asked.
 */
public final class WalPush {

    /** How long what the relay holds may take to be archived before whoever pushes it is told to come again. */
    public static final Duration ARCHIVED_WITHIN = Duration.ofSeconds(30);

    private static final String DIRECTORY = "incoming";

    /** Files at one time; each takes room on the disk. */
    private static final int MOST = 4;

    /** Of a history or a backup label, which are a few hundred bytes. */
    private static final int LONGEST_TEXT = 1 << 16;

    /** Room that is left to the stream, in segments. */
    private static final int RESERVE = 4;

    private static final int BUFFER = 1 << 16;

    /** Whoever archives what the relay holds. */
    @FunctionalInterface
    public interface Archiving {
        /** Completed when it is there, with false when it will not be for now. */
        CompletableFuture<Boolean> whenArchived(ArchivedName name);

        /** Why a segment that the relay holds is not going to be archived; empty when it is. */
        default Optional<String> leftOut(SegmentId id) {
            return Optional.empty();
        }
    }

    /** What is said to who wants to push a file, before it comes. */
    public sealed interface Admission {
        /** {@code file} is the receiver's to fill and to close. */
        record Begin(Incoming file) implements Admission {}

        record No(Outcome outcome) implements Admission {}
    }

    public sealed interface Outcome {
        /** The relay had it, and the archive, if there is one, too. */
        record Held() implements Outcome {}

        record Stored() implements Outcome {}

        /** The name has other bytes on the same lineage. */
        record Conflict(String reason) implements Outcome {}

        record NotOnHistory(String reason, Optional<Lsn> fork) implements Outcome {}

        /** Try again. */
        record Later(String reason) implements Outcome {}

        record DiskFull(String reason) implements Outcome {}

        record TooLarge(String reason) implements Outcome {}

        /** The content is not what the name says. */
        record Unfit(String reason) implements Outcome {}
    }

    private final WalCache cache;
    private final WalByName byName;
    private final Archiving archiving;
    private final Storage storage;
    private final SegmentSize size;
    private final Semaphore places = new Semaphore(MOST);
    private final AtomicLong sequence = new AtomicLong();
    private boolean prepared;

    public WalPush(WalCache cache, Archiving archiving) {
        this.cache = cache;
        this.byName = cache.byName();
        this.archiving = archiving;
        this.storage = cache.storage();
        this.size = cache.segmentSize();
    }

    /** What an earlier run left is of no use to anybody. */
    private synchronized void prepare() throws IOException {
        if (!prepared) {
            storage.createDirectory(DIRECTORY);
            for (String name : storage.list(DIRECTORY)) {
                storage.delete(DIRECTORY + "/" + name);
            }
            prepared = true;
        }
    }

    /**
     * Whether a file may come. What is refused here need not be sent.
     *
     * @throws IOException when the disk could not be asked
     */
    public Admission admit(WalFileName name, long length) throws IOException {
        Optional<Outcome> refusal = wrongLength(name, length).or(() -> refusal(PushRule.decide(name, byName.view(name))));
        if (refusal.isPresent()) {
            return new Admission.No(refusal.get());
        }
        prepare();
        if (storage.freeBytes() < length + RESERVE * (long) size.bytes()) {
            return new Admission.No(new Outcome.DiskFull("no room for %d bytes beside the WAL that is streamed".formatted(length)));
        }
        if (!places.tryAcquire()) {
            return new Admission.No(new Outcome.Later("%d files are pushed already".formatted(MOST)));
        }
        String path = "%s/%d".formatted(DIRECTORY, sequence.getAndIncrement());
        try {
            return new Admission.Begin(new Incoming(storage, path, name, length, storage.create(path), places::release));
        } catch (IOException | RuntimeException | Error e) {
            places.release();
            throw e;
        }
    }

    private Optional<Outcome> wrongLength(WalFileName name, long length) {
        boolean text = name instanceof WalFileName.History || name instanceof WalFileName.Backup;
        long most = text ? LONGEST_TEXT : size.bytes();
        if (length > most) {
            return Optional.of(new Outcome.TooLarge("%d bytes; expected %s %d".formatted(length, text ? "at most" : "a segment's", most)));
        }
        return text || length == most
                ? Optional.empty()
                : Optional.of(new Outcome.Unfit("%d bytes; expected a segment's %d".formatted(length, most)));
    }

    private static Optional<Outcome> refusal(Verdict verdict) {
        return switch (verdict) {
            case Verdict.Later(var reason) -> Optional.of(new Outcome.Later(reason));
            case Verdict.NotOnHistory(var reason, var fork) -> Optional.of(new Outcome.NotOnHistory(reason, fork));
            case Verdict.Compare _, Verdict.Store _, Verdict.ReadFirst _, Verdict.Known _ -> Optional.empty();
        };
    }

    /**
     * Does with a file that has come whole what is to be done with it.
     *
     * @throws IOException when the disk or the archive could not be asked; it may be pushed again
     */
    public Outcome accept(Incoming file) throws IOException {
        Verdict verdict = PushRule.decide(file.name(), byName.view(file.name()));
        if (verdict instanceof Verdict.ReadFirst) {
            TimelineHistory lineage;
            try {
                lineage = TimelineHistory.parse(file.name().timeline(), new String(file.bytes(), StandardCharsets.UTF_8));
            } catch (IllegalArgumentException e) {
                return new Outcome.Unfit(String.valueOf(e.getMessage()));
            }
            if (lineage.ancestors().isEmpty()) {
                return new Outcome.Unfit("it names no timeline; expected the ancestors of timeline %s".formatted(lineage.timeline()));
            }
            verdict = PushRule.history(lineage, byName.view(file.name()));
        } else {
            Optional<String> flaw = flaw(file);
            if (flaw.isPresent()) {
                return new Outcome.Unfit(flaw.get());
            }
        }
        return switch (verdict) {
            case Verdict.Compare(var id, var name, var bytes) -> compare(file, id, name, bytes);
            case Verdict.Store(var name, var bytes) -> store(file, name, bytes);
            case Verdict.Known() -> new Outcome.Held();
            case Verdict.ReadFirst() -> throw new IllegalStateException("a history was read and is still unknown");
            case Verdict.Later(var reason) -> new Outcome.Later(reason);
            case Verdict.NotOnHistory(var reason, var fork) -> new Outcome.NotOnHistory(reason, fork);
        };
    }

    private Optional<String> flaw(Incoming file) throws IOException {
        return switch (file.name()) {
            case WalFileName.Segment(var id) -> firstPage(file, id);
            case WalFileName.Partial(var id) -> firstPage(file, id);
            case WalFileName.Backup backup -> {
                String segment = new WalFileName.Segment(backup.id()).fileName(size);
                Lsn start = backup.id().start(size).plus(backup.offset());
                String expected = "START WAL LOCATION: %s (file %s)".formatted(start, segment);
                yield new String(file.bytes(), StandardCharsets.UTF_8).startsWith(expected)
                        ? Optional.empty()
                        : Optional.of("it does not begin with \"%s\"".formatted(expected));
            }
            case WalFileName.History _ -> Optional.empty();
        };
    }

    /** What is wrong with a segment's first page: whose it is and where it belongs is all there. */
    private Optional<String> firstPage(Incoming file, SegmentId id) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(PageHeader.LONG_SIZE);
        file.read(bytes, 0);
        PageHeader page = PageHeader.parse(bytes.array(), 0);
        if (WalVersion.ofMagic(page.magic()).isEmpty() || page.identification().isEmpty()) {
            return Optional.of("it does not begin with the first page of a segment: magic %04X".formatted(page.magic()));
        }
        PageHeader.Identification found = page.identification().get();
        TimelineHistory own = cache.end().lineage();
        int timeline = own.contains(id.timeline()) ? own.upTo(id.timeline()).timelineAt(id.start(size)).value() : id.timeline().value();
        if (found.systemId() != cache.system().value()) {
            return Optional.of("it is of system %s; expected %s".formatted(Long.toUnsignedString(found.systemId()), cache.system()));
        }
        if (found.segmentSize() != size.bytes() || found.blockSize() != PageHeader.PAGE_SIZE) {
            return Optional.of("it has segments of %d bytes and blocks of %d; expected %d and %d"
                    .formatted(found.segmentSize(), found.blockSize(), size.bytes(), PageHeader.PAGE_SIZE));
        }
        if (!page.address().equals(id.start(size)) || page.timeline() != timeline) {
            return Optional.of("its first page is %s of timeline %s; expected %s of timeline %s"
                    .formatted(page.address(), Integer.toUnsignedString(page.timeline()), id.start(size), Integer.toUnsignedString(timeline)));
        }
        return Optional.empty();
    }

    private Outcome compare(Incoming file, SegmentId id, ArchivedName name, int bytes) throws IOException {
        SegmentFile held;
        try {
            held = cache.files().acquire(id);
        } catch (NoSuchFileException e) {
            return new Outcome.Later("the relay has just freed it");
        }
        Optional<Lsn> differs = firstDifference(file, held, bytes);
        Optional<String> leftOut = archiving.leftOut(id);
        if (differs.isPresent()) {
            return new Outcome.Conflict("the relay holds other bytes at %s, on the same lineage %s%s"
                    .formatted(differs.get(), name.lineage().id(), leftOut.map(why -> ". The relay's: " + why).orElse("")));
        }
        if (leftOut.isPresent()) {
            return new Outcome.Unfit("the relay has the same bytes: " + leftOut.get());
        }
        return cache.archived().isEmpty() || isArchived(name)
                ? new Outcome.Held()
                : new Outcome.Later("the relay has the same bytes; it could not archive them within %d s".formatted(ARCHIVED_WITHIN.toSeconds()));
    }

    private boolean isArchived(ArchivedName name) throws IOException {
        try {
            return archiving.whenArchived(name).get(ARCHIVED_WITHIN.toSeconds(), TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            throw new IOException("%s could not be archived: %s".formatted(name, e.getCause()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while %s was archived".formatted(name), e);
        }
    }

    /** Releases {@code held}. */
    private Optional<Lsn> firstDifference(Incoming file, SegmentFile held, int length) throws IOException {
        try {
            for (int at = 0; at < length; at += BUFFER) {
                int part = Math.min(BUFFER, length - at);
                ByteBuffer theirs = ByteBuffer.allocate(part);
                ByteBuffer ours = ByteBuffer.allocate(part);
                if (held.read(ours, at) != part || file.read(theirs, at) != part) {
                    throw new IOException("segment %s ends before offset %d".formatted(held.id(), at + part));
                }
                int different = ours.flip().mismatch(theirs.flip());
                if (different >= 0) {
                    return Optional.of(held.id().start(size).plus(at).plus(different));
                }
            }
            return Optional.empty();
        } finally {
            held.release();
        }
    }

    private Outcome store(Incoming file, ArchivedName name, int bytes) throws IOException {
        ArchivedWal archived = cache.archived().orElseThrow();
        if (name.file() instanceof WalFileName.Partial(var id)) {
            // Past the end of the timeline each has what was in its file before: as objects they are not the same.
            Optional<SegmentFile> there = WalByName.await(archived.fetcher().fetch(name, id), name);
            if (there.isPresent()) {
                return firstDifference(file, there.get(), bytes)
                        .map(at -> (Outcome) new Outcome.Conflict("the archive has other bytes at %s, on the same lineage %s".formatted(at, name.lineage().id())))
                        .orElseGet(Outcome.Held::new);
            }
        }
        Archive.Put put = archived.archive().put(name, file::open);
        byName.nowThere(name);
        return switch (put) {
            case Archive.Put.Stored() -> new Outcome.Stored();
            case Archive.Put.AlreadyThere() -> new Outcome.Held();
            case Archive.Put.Conflict(var key) -> new Outcome.Conflict("the archive has other bytes under that name, on the same lineage; these are kept as " + key);
        };
    }
}
