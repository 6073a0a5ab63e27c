package io.walrelay.cache;

import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.Deletion;
import io.walrelay.cache.background.BackgroundThread;
import io.walrelay.cache.retention.ArchiveRetention;
import io.walrelay.cache.retention.ArchiveRetention.Contents;
import io.walrelay.cache.retention.ArchiveRetention.Decision;
import io.walrelay.cache.retention.ArchiveRetention.Need;
import io.walrelay.cache.retention.ArchiveRetention.Snapshot;
import io.walrelay.cache.retention.ArchiveRetention.Stored;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says in the archive what this relay needs of it, and deletes there what {@link ArchiveRetention} says: at the start and every hour, and sooner
 * when the relay needs more than it has said. What is deleted is first announced to those who pin, then forgotten by the {@link Archiver}. A thread of
 * its own; methods are thread-safe.
 */
public final class ArchiveKeeping implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(ArchiveKeeping.class);

    private static final Duration BETWEEN_ROUNDS = Duration.ofHours(1);
    private static final Duration SOON = Duration.ofMinutes(1);
    private static final Duration LOOK = Duration.ofSeconds(5);
    private static final Duration LAST_REQUESTS = Duration.ofSeconds(10);

    /** Objects that one round deletes at most; the next follows soon when there are more. */
    private static final int MOST = 1_000;

    /** So often it is looked whether somebody needs something by now. */
    private static final int BETWEEN_LOOKS = 50;

    /** Who wants to know. Called on the thread of this; must be quick. */
    public interface Listener {
        /** @param before where the oldest WAL of the relay's own lineage begins now, as far as that is known */
        void deleted(int objects, Lsn before);

        /** The first failure after a success, and each whose reason is another. */
        void failed(String reason);
    }

    /**
     * @param keep how long WAL is kept that nobody needs; empty for ever
     * @param horizon who keeps the oldest WAL that is old enough to go; empty when nobody does
     * @param deleted objects, since the start
     * @param problem why the archive could not be looked through
     */
    public record Status(Optional<Duration> keep, Optional<Need> horizon, long deleted, Optional<String> problem) {}

    /** Files that others have announced to delete, and what was known before they were forgotten. */
    private record Doubt(ArchiveProgress before, Set<ArchivedName> names) {}

    private final WalCache cache;
    private final ArchivedWal archived;
    private final Archiver archiver;
    private final ArchiveNeeds needs;
    private final RelayPins pins;
    private final Optional<Duration> keep;
    private final Clock clock;
    private final Listener listener;
    private final SegmentSize size;
    private final BackgroundThread thread;
    private volatile boolean idle;
    private volatile boolean heard;
    /** Changed by the thread only: what others may have deleted. */
    private volatile @Nullable Doubt doubt;
    private volatile Optional<Need> horizon = Optional.empty();
    private volatile Set<ArchivedName> absent = Set.of();
    private final LongAdder deleted = new LongAdder();
    private volatile @Nullable String problem;

    ArchiveKeeping(
            WalCache cache,
            ArchivedWal archived,
            Archiver archiver,
            ArchiveNeeds needs,
            RelayPins pins,
            Optional<Duration> keep,
            Clock clock,
            Listener listener) {
        this.cache = cache;
        this.archived = archived;
        this.archiver = archiver;
        this.needs = needs;
        this.pins = pins;
        this.keep = keep;
        this.clock = clock;
        this.listener = listener;
        this.size = cache.segmentSize();
        this.thread = new BackgroundThread("archive-keeping", this::run);
    }

    public void start() {
        thread.start();
    }

    public Status status() {
        return new Status(keep, horizon, deleted.sum(), Optional.ofNullable(problem));
    }

    private void run() throws InterruptedException {
        long next = System.nanoTime();
        while (!thread.isClosed()) {
            boolean soon = doubt != null || problem == null && !pins.cover(needs.now());
            if (System.nanoTime() - next >= 0 || soon) {
                Duration rest = roundOrSay();
                next = System.nanoTime() + rest.toNanos();
                idle = true;
            }
            thread.rest(LOOK);
        }
    }

    /** Whether others know what this relay needs, and none deletes it. */
    boolean isKnown() {
        return pins.isKnown() && doubt == null;
    }

    /** As {@link #isKnown}, in this run: also what was not needed in the last one. */
    boolean isHeard() {
        return heard;
    }

    /** What slots need and the archive, when it was last asked, had not. */
    Set<ArchivedName> absent() {
        return absent;
    }

    /** Whether a round has ended and the next is not due. */
    boolean isIdle() {
        return idle;
    }

    private Duration roundOrSay() {
        try {
            boolean more = round();
            problem = null;
            return more ? SOON : BETWEEN_ROUNDS;
        } catch (IOException | RuntimeException e) {
            String reason = e.getMessage() == null ? e.toString() : e.getMessage();
            if (!reason.equals(problem)) {
                problem = reason;
                listener.failed(reason);
            }
            return SOON;
        }
    }

    /** Whether there is more to delete. */
    private boolean round() throws IOException {
        Archive archive = archived.archive();
        pins.withdraw(archive);
        List<Need> needed = needs.now();
        pins.say(archive, needed, clock.instant());
        requireHeard(archive, needed);
        pins.areHeard(archive);
        heard = true;
        boolean more = keep.isPresent() && delete(archive, keep.get());
        lookForBeginning(archive);
        lookForSlots(archive);
        return more;
    }

    /**
     * Looks for announcements after the pins were put. What is announced is not counted on, until it is over and seen what went.
     *
     * @throws IOException while somebody deletes what is needed
     */
    private void requireHeard(Archive archive, List<Need> needed) throws IOException {
        OthersDeletions others = new OthersDeletions(archive, needed, size);
        for (Deletion deletion : archive.notes().deletions()) {
            Set<ArchivedName> going = pins.isOwn(deletion) ? Set.of() : others.needed(deletion);
            if (!going.isEmpty()) {
                doubt(going);
                throw new IOException("another relay has announced, as deletions/%s, to delete %d files that this relay needs, and is waited for. If it is gone for good, delete that object"
                        .formatted(deletion.name(), going.size()));
            }
        }
        Doubt over = doubt;
        if (over != null) {
            Set<ArchivedName> gone = new HashSet<>();
            for (ArchivedName name : over.names) {
                if (!archive.has(name)) {
                    gone.add(name);
                }
            }
            archiver.takeBack(over.before, gone);
            doubt = null;
        }
    }

    private void doubt(Set<ArchivedName> going) throws IOException {
        ArchiveProgress before = archiver.forget(going);
        Doubt earlier = doubt;
        Set<ArchivedName> names = new HashSet<>(going);
        if (earlier != null) {
            names.addAll(earlier.names);
        }
        doubt = new Doubt(earlier == null ? before : earlier.before, names);
    }

    private boolean delete(Archive archive, Duration age) throws IOException {
        Contents contents = contents(archive);
        Instant before = ArchiveRetention.oldBefore(contents, age, clock.instant());
        List<TimelineHistory> lineages = new ArrayList<>(cache.orphans().stream().map(Orphan::lineage).toList());
        lineages.add(cache.end().lineage());
        Decision decision = ArchiveRetention.decide(new Snapshot(contents, before, everybodysNeeds(archive), onDisk(), lineages, MOST));
        horizon = decision.horizon();
        List<Stored> now = decision.delete();
        if (now.isEmpty()) {
            return false;
        }
        pins.announce(archive, names(now), clock.instant());
        int gone = carryOut(archive, now);
        pins.withdraw(archive);
        if (gone > 0) {
            listener.deleted(gone, archiver.progress().from());
        }
        return decision.more() || gone < now.size();
    }

    /** In this order, until somebody needs what comes next. Returns how many went. */
    private int carryOut(Archive archive, List<Stored> objects) throws IOException {
        int gone = 0;
        for (int first = 0; first < objects.size(); first += BETWEEN_LOOKS) {
            List<Stored> some = objects.subList(first, Math.min(objects.size(), first + BETWEEN_LOOKS));
            int went = deleteUnlessNeeded(archive, some);
            gone += went;
            if (went < some.size()) {
                return gone;
            }
        }
        return gone;
    }

    /** None when somebody needs one of them by now. What stays is claimed again. Returns how many went. */
    private int deleteUnlessNeeded(Archive archive, List<Stored> objects) throws IOException {
        ArchiveProgress before = archiver.forget(names(objects));
        int begun = 0;
        try {
            // Asked after they were forgotten: whoever counted on them before is seen.
            List<Need> now = everybodysNeeds(archive);
            if (objects.stream().anyMatch(object -> ArchiveRetention.isNeeded(object.name(), now))) {
                return 0;
            }
            while (begun < objects.size() && !thread.isClosed()) {
                Stored object = objects.get(begun++);
                archive.delete(object.object());
                deleted.increment();
            }
            return begun;
        } finally {
            if (begun < objects.size()) {
                archiver.takeBack(before, names(objects.subList(0, begun)));
            }
        }
    }

    private static Set<ArchivedName> names(List<Stored> objects) {
        return objects.stream().map(Stored::name).collect(Collectors.toSet());
    }

    /** What others have pinned, and what this relay needs, which knows better than its pins by now. */
    private List<Need> everybodysNeeds(Archive archive) throws IOException {
        List<Need> all = new ArrayList<>();
        archive.notes().pins().stream().filter(pin -> !pins.isOwn(pin)).forEach(pin -> all.add(new Need.Pin(pin.name(), pin.lineage(), pin.from())));
        all.addAll(needs.now());
        return all;
    }

    private Contents contents(Archive archive) throws IOException {
        Map<TimelineHistory, String> directories = new LinkedHashMap<>();
        for (String directory : archive.lineages()) {
            Optional<TimelineHistory> lineage = archive.lineage(directory);
            if (lineage.isEmpty()) {
                log.info("nothing is deleted of {} in {}: there is no history that says what it is of", directory, archive);
                continue;
            }
            directories.put(lineage.get(), directory);
        }
        return new Listing(archive, directories, size);
    }

    /** @param directories by lineage */
    private record Listing(Archive archive, Map<TimelineHistory, String> directories, SegmentSize size) implements Contents {

        @Override
        public List<TimelineHistory> lineages() {
            return List.copyOf(directories.keySet());
        }

        @Override
        public void forEach(TimelineHistory lineage, Consumer<Stored> each) throws IOException {
            String directory = Objects.requireNonNull(directories.get(lineage), () -> "no directory of lineage " + lineage.id());
            archive.list(directory, listed -> ArchivedName.parse(lineage, listed.key(), size).ifPresent(name -> each.accept(new Stored(name, listed))));
        }
    }

    private Set<String> onDisk() throws IOException {
        TimelineHistory lineage = cache.end().lineage();
        Set<String> keys = new HashSet<>();
        cache.files().all().stream()
                .filter(held -> lineage.contains(held.id().timeline()))
                .forEach(held -> keys.add(new ArchivedName(lineage.upTo(held.id().timeline()), held.fileName(), size).key()));
        List<Orphan> orphans = cache.orphans();
        cache.files().orphaned().forEach(file -> ArchivePlan.nameOf(file, orphans, size).ifPresent(name -> keys.add(name.key())));
        return keys;
    }

    /** Another relay may have deleted what was old. What is left has no hole, so that a few questions are enough. */
    private void lookForBeginning(Archive archive) throws IOException {
        ArchiveProgress progress = archiver.progress();
        long absent = size.segmentNumber(progress.from());
        long there = size.segmentNumber(progress.archived());
        if (absent == there || isThere(archive, progress.lineage(), absent)) {
            return;
        }
        while (there - absent > 1) {
            long middle = absent + (there - absent) / 2;
            if (isThere(archive, progress.lineage(), middle)) {
                there = middle;
            } else {
                absent = middle;
            }
        }
        archiver.beginsAt(progress.lineage(), size.start(there));
    }

    /** What slots need and nobody is known to have is asked for before they are lost for it: that is for ever. What comes in may be just that. */
    private void lookForSlots(Archive archive) throws IOException {
        TimelineHistory lineage = cache.end().lineage();
        Set<ArchivedName> needed = new HashSet<>();
        if (needs.importing().get().isEmpty()) {
            cache.reservations().withoutKnownWal().forEach(slot -> needed.addAll(archived.names(lineage, slot.restartLsn())));
        }
        Set<ArchivedName> missing = new HashSet<>();
        for (ArchivedName name : needed) {
            if (!archive.has(name)) {
                missing.add(name);
            }
        }
        absent = Set.copyOf(missing);
    }

    private boolean isThere(Archive archive, TimelineHistory lineage, long number) throws IOException {
        Lsn last = size.start(number).plus(size.bytes() - 1L);
        return archive.has(archived.name(lineage, new SegmentId(lineage.timelineAt(last), number)));
    }

    /** Begins nothing more, and waits a while for what is under way. The relay's pin stays: its slots do, too. */
    @Override
    public void close() {
        thread.close(LAST_REQUESTS);
    }
}
