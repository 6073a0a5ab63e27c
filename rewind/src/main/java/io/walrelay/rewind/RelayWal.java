package io.walrelay.rewind;

import io.walrelay.rewind.datadir.DataDirectory;
import io.walrelay.rewind.datadir.PgWal;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.WalElsewhere;
import io.walrelay.rewind.plan.Divergence;
import io.walrelay.rewind.plan.Provenance;
import io.walrelay.rewind.plan.SameNumber.Answer;
import io.walrelay.rewind.plan.Side;
import io.walrelay.rewind.source.DirectorySource;
import io.walrelay.rewind.source.RewindSource;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.PageHeader;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What relays hold, as far as it is proved to be the two servers' WAL. The source's, of the one that is streamed from, has to be: blocks are left to it, and the rewound server streams it. Then
 * so is what both share. What only the target has written is taken from that relay of which bytes say that it is the target's, and not another's who took the same
 * timeline's number. Confined to one thread.
 */
final class RelayWal {

    /** How long a relay may be behind the source, or away. */
    private static final Duration BEHIND = Duration.ofSeconds(30);

    private static final Duration SHORTEST_PAUSE = Duration.ofMillis(50);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    /** Of the target's own segments, as many are compared if nothing else tells. */
    private static final int FEW = 4;

    /** What was looked for once. */
    private record Found(Optional<HeldWal> relay) {}

    /** One by one; the rewound server will stream from the first. */
    private final List<HeldWal> relays;

    private final Side target;
    private final DataDirectory directory;
    private final Side other;
    private final RewindSource source;
    private @Nullable Found targetsHolder;
    private @Nullable Answer holdsSources;

    RelayWal(HeldWal relay, Side target, DataDirectory directory, Side other, RewindSource source) {
        this.relays = relay.each();
        this.target = target;
        this.directory = directory;
        this.other = other;
        this.source = source;
    }

    /** The first of which it is proved that what it holds of the target's lineage is the target's. */
    Optional<HeldWal> targetsHolder() throws IOException {
        Found known = targetsHolder;
        if (known == null) {
            known = new Found(findTargetsHolder());
            targetsHolder = known;
        }
        return known.relay;
    }

    /** One that is proved comes before one that can't be; one that is away only matters when there is no other. */
    private Optional<HeldWal> findTargetsHolder() throws IOException {
        Optional<HeldWal> perhaps = Optional.empty();
        IOException fault = null;
        for (HeldWal relay : relays) {
            try {
                switch (ofTarget(relay)) {
                    case SAME -> {
                        return Optional.of(relay);
                    }
                    case NOT_CHECKED -> perhaps = perhaps.or(() -> Optional.of(relay));
                    case DIFFERENT -> {}
                }
            } catch (IOException e) {
                fault = e;
            }
        }
        if (perhaps.isEmpty() && fault != null) {
            throw fault;
        }
        return perhaps;
    }

    private HeldWal streamed() {
        return relays.getFirst();
    }

    /** What they have of the target's WAL. */
    WalElsewhere targets(Divergence divergence) {
        WalElsewhere shared = streamed().along(other.history());
        return new WalElsewhere() {
            @Override
            public @Nullable Bytes open(SegmentId segment, String name) throws IOException {
                boolean isShared = divergence.common().contains(segment.timeline()) && size().endOf(segment.start(size())).isAtMost(divergence.fork());
                if (isShared) {
                    return holdsSources() ? shared.open(segment, name) : null;
                }
                Optional<HeldWal> holder = targetsHolder();
                return holder.isPresent() ? holder.get().along(target.history()).open(segment, name) : null;
            }

            @Override
            public Optional<byte[]> read(String name) throws IOException {
                Optional<HeldWal> holder = targetsHolder();
                return holder.isPresent() ? holder.get().along(target.history()).read(name) : Optional.empty();
            }
        };
    }

    private SegmentSize size() {
        return target.control().segmentSize();
    }

    private boolean holdsSources() throws IOException {
        return switch (ofSource()) {
            case SAME -> true;
            case DIFFERENT -> false;
            // The first timeline's number nobody takes.
            case NOT_CHECKED -> other.history().ancestors().isEmpty();
        };
    }

    private Answer ofSource() throws IOException {
        Answer known = holdsSources;
        if (known == null || known == Answer.NOT_CHECKED) {
            Lsn page = size().startOf(other.control().checkpoint());
            try (PgWal held = sources()) {
                known = new Provenance(other, held, source).check(page.isAtLeast(other.history().begin()) ? List.of(page) : List.of());
            }
            holdsSources = known;
        }
        return known;
    }

    private PgWal sources() {
        return new PgWal(null, other.history(), size(), streamed().along(other.history()));
    }

    /**
     * Waits, if need be, until the relay has something by which it is known whom it follows.
     *
     * @throws RefusedException its WAL is not the source's, or it has nothing of it
     */
    void requireSources() throws IOException, RefusedException {
        Patience patience = new Patience();
        Optional<String> fault = patience.await(this::holdsSourcesOrNot);
        String timeline = "timeline %s of the source, %s,".formatted(other.history().timeline(), source.describe());
        if (ofSource() == Answer.DIFFERENT) {
            throw new RefusedException(
                    "the relay's WAL is not the source's: %s begins at %s as the relay's does, and has other bytes".formatted(timeline, other.history().begin()),
                    "Two servers took the number, and the relay follows the other one. Have it follow the source: walrelay follow");
        }
        if (!holdsSources()) {
            throw new RefusedException("the relay has nothing by which it could be proved that it follows %s: neither where it begins, at %s, nor %s%s"
                    .formatted(timeline, other.history().begin(), other.control().checkpoint(), fault.map(" ("::concat).map(text -> text + ")").orElse("")),
                    "See what the relay receives: walrelay status. When it has followed the source, run this again.");
        }
    }

    private boolean holdsSourcesOrNot() throws IOException {
        return ofSource() == Answer.DIFFERENT || holdsSources();
    }

    /** Whether what {@code relay} holds of the target's lineage is the target's; not checked is what can't be another's. */
    private Answer ofTarget(HeldWal relay) throws IOException {
        try (PgWal held = new PgWal(null, target.history(), size(), relay.along(target.history()));
                DirectorySource files = new DirectorySource(directory.path())) {
            List<Lsn> own = ownSegments();
            List<Lsn> pages = own.stream().filter(target.history().begin()::isAtMost).limit(FEW).toList();
            Answer answer = new Provenance(target, held, files).check(pages);
            // The first timeline's number nobody takes; and a follower that has nothing of its timeline has written nothing on it.
            boolean noOthers = target.history().ancestors().isEmpty() || own.isEmpty() && isFollower();
            return answer == Answer.NOT_CHECKED && !noOthers ? Answer.DIFFERENT : answer;
        }
    }

    private boolean isFollower() {
        return switch (target.control().state()) {
            case IN_ARCHIVE_RECOVERY, SHUTDOWNED_IN_RECOVERY -> true;
            case STARTUP, SHUTDOWNED, SHUTDOWNING, IN_CRASH_RECOVERY, IN_PRODUCTION -> false;
        };
    }

    /** Where the segments of its timeline begin that the target has itself, the oldest first. */
    private List<Lsn> ownSegments() throws IOException {
        try (Stream<Path> files = Files.list(directory.path().resolve("pg_wal"))) {
            return files.flatMap(file -> WalFileName.parse(file.getFileName().toString(), size()).stream())
                    .flatMap(name -> name instanceof WalFileName.Segment(SegmentId id) ? Stream.of(id) : Stream.empty())
                    .filter(id -> id.timeline().equals(target.history().timeline()))
                    .map(id -> id.start(size()))
                    .sorted()
                    .toList();
        }
    }

    /** Something that is not so yet, but may be soon: a relay that is behind, or away for a moment. */
    private interface Condition {
        boolean isSo() throws IOException, RefusedException;
    }

    /** Asks less and less often, for as long as a relay may be behind. */
    private static final class Patience {

        private final long begun = System.nanoTime();
        private Duration pause = SHORTEST_PAUSE;

        /** Empty when it is so; else what was wrong when it was asked last, or nothing. */
        Optional<String> await(Condition condition) throws IOException, RefusedException {
            while (true) {
                String fault = "";
                try {
                    if (condition.isSo()) {
                        return Optional.empty();
                    }
                } catch (InterruptedIOException e) {
                    throw e;
                } catch (IOException e) {
                    fault = String.valueOf(e.getMessage());
                }
                if (System.nanoTime() - begun > BEHIND.toNanos()) {
                    return Optional.of(fault.isEmpty() ? "for %d seconds".formatted(BEHIND.toSeconds()) : fault);
                }
                sleep();
            }
        }

        private void sleep() throws InterruptedIOException {
            try {
                TimeUnit.NANOSECONDS.sleep(pause.toNanos());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted while waiting for the relay");
            }
            pause = pause.compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
        }
    }

    /**
     * Waits until the relay has received WAL up to {@code end}, of which a running source may have yet to write the last page.
     *
     * @param written what the source has surely written
     * @return empty when it has; else what it lacks
     * @throws RefusedException its WAL is another's
     */
    Optional<String> awaitSources(Lsn end, Lsn written) throws IOException, RefusedException {
        Lsn needed = source.isRunning() ? pageOf(end) : end;
        return new Patience()
                .await(() -> holds(needed, written))
                .map(fault -> "the relay has not received what the source, %s, has written up to %s: %s".formatted(source.describe(), needed, fault));
    }

    private static Lsn pageOf(Lsn at) {
        return at.plus(-(at.value() & PageHeader.PAGE_SIZE - 1));
    }

    /** Whether it has the byte before {@code end}; with it goes a page that both have. */
    private boolean holds(Lsn end, Lsn written) throws IOException, RefusedException {
        try (PgWal held = sources()) {
            if (held.read(end.plus(-1), ByteBuffer.allocate(1)) != 1) {
                return false;
            }
            Lsn page = pageOf(Lsn.min(end, written)).plus(-PageHeader.PAGE_SIZE);
            if (new Provenance(other, held, source).page(page) == Answer.DIFFERENT) {
                throw new RefusedException("the relay's WAL at %s is not the source's, %s".formatted(page, source.describe()),
                        "They have parted: see walrelay status, and have the relay follow the source: walrelay follow");
            }
            return true;
        }
    }

    /** Keeps WAL from {@code from} on for the rewound server, and waits until all is there up to where the source is now. */
    void reserve(Lsn from) throws IOException, RefusedException {
        Lsn reached = source.replayEnd(other.control(), other.control()).position();
        streamed().reserve(other.control().systemId(), other.history(), from, reached);
        try {
            Optional<String> lack = awaitSources(reached, reached);
            if (lack.isPresent()) {
                throw new RefusedException(lack.get(), "The rewound server would wait for it. See why on the relay: walrelay status. Then run this again.");
            }
        } catch (IOException | RefusedException e) {
            releaseAfter(e);
            throw e;
        }
    }

    private void releaseAfter(Exception refused) {
        try {
            streamed().release();
        } catch (IOException e) {
            refused.addSuppressed(e);
        }
    }
}
