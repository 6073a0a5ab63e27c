package io.walrelay.cache.retention;

import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.ObjectStore;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What may be deleted from an archive because of its age? A function of what is there and of who needs what; whoever deletes only receives its answer. What
 * is there may be far more than fits into memory: it is looked through lineage by lineage, ancestors first, and of it only what goes next is held.
 *
 * <p>A segment goes when it is older than it has to be kept, nobody needs it, and all of its lineage that lies before it goes as well: a hole is of no use
 * to anybody, so a segment that stays keeps what comes after. What lies beside a segment goes with it. A history goes when nothing is left of
 * its lineage and of those that descend from it.
 *
 * <p>Ages are counted by the times at which the store says that objects came, and from the latest of them, not from now, if that is earlier: a relay whose clock
 * has jumped ahead finds nothing older than before, and an archive that nothing goes into any more loses nothing. {@link #WITNESSES} objects have to agree
 * that it is so late, since the clock that was wrong for a moment may have been the store's.
 */
public final class ArchiveRetention {

    static final int WITNESSES = 8;

    /** Somebody who needs WAL of a lineage from a position on. */
    public sealed interface Need {
        TimelineHistory lineage();

        Lsn from();

        record Pin(String name, TimelineHistory lineage, Lsn from) implements Need {}

        record Slot(String name, TimelineHistory lineage, Lsn from) implements Need {}

        /** A logical slot of upstream that standbys synchronise. */
        record FailoverSlot(String name, TimelineHistory lineage, Lsn from) implements Need {}

        /** What the relay itself has on its disk, or has yet to archive. */
        record Disk(TimelineHistory lineage, Lsn from) implements Need {}

        /** A folder of older WAL that is on its way into the archive. */
        record Import(String folder, TimelineHistory lineage, Lsn from) implements Need {}

        /** Acknowledged WAL past a fork whose loss nobody has accepted. */
        record Orphan(TimelineHistory lineage, Lsn from) implements Need {}
    }

    /** An object and the file that it is, or lies beside of. */
    public record Stored(ArchivedName name, ObjectStore.Listed object) {

        private boolean isHistory() {
            return name.file() instanceof WalFileName.History;
        }
    }

    /** What is in the archive. */
    public interface Contents {
        /** In no order. */
        List<TimelineHistory> lineages();

        /** Every object of one of {@link #lineages}, in no order; shown, not held. */
        void forEach(TimelineHistory lineage, Consumer<Stored> each) throws IOException;
    }

    /**
     * @param before what came before this is old: {@link #oldBefore}
     * @param onDisk keys of files that the relay would archive again
     * @param lineages whose histories stay, and those of their ancestors: the relay's own and those of its orphans
     * @param most objects that are to be deleted at one time
     */
    public record Snapshot(Contents contents, Instant before, List<Need> needs, Set<String> onDisk, List<TimelineHistory> lineages, int most) {}

    /**
     * @param delete in this order: after each, what is left has no hole
     * @param more whether there is more to delete than may be at one time
     * @param horizon who keeps the oldest of what is old enough to go; empty when only age keeps what is there
     */
    public record Decision(List<Stored> delete, boolean more, Optional<Need> horizon) {

        public Decision {
            delete = List.copyOf(delete);
        }
    }

    private static final Comparator<Stored> OLDEST_FIRST =
            Comparator.comparing((Stored object) -> start(object.name)).thenComparing(object -> object.name.fileName()).thenComparing(object -> object.object.key());

    private static final Comparator<Stored> YOUNGEST_TIMELINE_FIRST =
            Comparator.comparing((Stored object) -> object.name.lineage().timeline()).reversed().thenComparing(object -> object.object.key());

    /** The oldest of what it is given, one more than may be deleted. */
    private static final class Oldest {
        private final int most;
        private final PriorityQueue<Stored> objects = new PriorityQueue<>(OLDEST_FIRST.reversed());

        Oldest(int most) {
            this.most = most;
        }

        void add(Stored object) {
            objects.add(object);
            if (objects.size() > most + 1) {
                var _ = objects.remove();
            }
        }
    }

    private final Snapshot snapshot;
    private final Oldest going;
    private final List<Stored> histories = new ArrayList<>();
    /** Where that begins of each lineage that does not go by itself. */
    private final Map<TimelineHistory, Lsn> firstStaying = new HashMap<>();
    /** Lineages of which something stays. */
    private final Set<TimelineHistory> staying = new HashSet<>();
    private final Set<Need> holding = new HashSet<>();

    private ArchiveRetention(Snapshot snapshot) {
        this.snapshot = snapshot;
        this.going = new Oldest(snapshot.most);
    }

    /**
     * Since when an object has to be there to be kept for its age.
     *
     * @param keep how long WAL is kept that nobody needs
     */
    public static Instant oldBefore(Contents contents, Duration keep, Instant now) throws IOException {
        PriorityQueue<Instant> latest = new PriorityQueue<>();
        for (TimelineHistory lineage : contents.lineages()) {
            contents.forEach(lineage, stored -> {
                latest.add(stored.object.stored());
                if (latest.size() > WITNESSES) {
                    var _ = latest.remove();
                }
            });
        }
        if (latest.size() < WITNESSES) {
            return Instant.MIN;
        }
        Instant agreed = latest.element();
        return (agreed.isBefore(now) ? agreed : now).minus(keep);
    }

    /** @throws IOException when the archive could not be looked through */
    public static Decision decide(Snapshot snapshot) throws IOException {
        return new ArchiveRetention(snapshot).decide();
    }

    private Decision decide() throws IOException {
        List<TimelineHistory> ancestorsFirst = new ArrayList<>(snapshot.contents.lineages());
        ancestorsFirst.sort(Comparator.comparingInt(lineage -> lineage.ancestors().size()));
        for (TimelineHistory lineage : ancestorsFirst) {
            new Walk(lineage).finish();
        }
        List<Stored> delete = new ArrayList<>(going.objects);
        delete.sort(OLDEST_FIRST);
        if (delete.size() <= snapshot.most) {
            delete.addAll(goingHistories());
        }
        boolean more = delete.size() > snapshot.most;
        Optional<Need> horizon = snapshot.needs.stream().filter(holding::contains).min(Comparator.comparing(Need::from));
        return new Decision(delete.subList(0, Math.min(snapshot.most, delete.size())), more, horizon);
    }

    /** One lineage is looked through. What is known of its ancestors by then says where it can be cut at the latest. */
    private final class Walk {
        private final TimelineHistory lineage;
        private final Optional<Lsn> ancestorsStay;
        private final Oldest old = new Oldest(snapshot.most);
        private @Nullable Lsn first;

        Walk(TimelineHistory lineage) throws IOException {
            this.lineage = lineage;
            this.ancestorsStay = firstStaying.entrySet().stream()
                    .filter(entry -> leadsTo(entry.getKey(), entry.getValue(), lineage))
                    .map(Map.Entry::getValue)
                    .min(Comparator.naturalOrder());
            snapshot.contents.forEach(lineage, this::see);
        }

        private void see(Stored object) {
            if (object.isHistory()) {
                histories.add(object);
            } else if (!isFree(object)) {
                Lsn start = start(object.name);
                first = first == null ? start : Lsn.min(first, start);
            } else if (ancestorsStay.isPresent() && end(object.name).isAfter(ancestorsStay.get())) {
                staying.add(lineage);
            } else {
                old.add(object);
            }
        }

        void finish() {
            Lsn cut = first;
            if (cut != null) {
                firstStaying.put(lineage, cut);
                staying.add(lineage);
                old.objects.removeIf(object -> end(object.name).isAfter(cut));
            }
            old.objects.forEach(going::add);
        }
    }

    private boolean isFree(Stored object) {
        if (!object.object.stored().isBefore(snapshot.before)) {
            return false;
        }
        List<Need> needing = snapshot.needs.stream().filter(need -> needs(need, object.name)).toList();
        holding.addAll(needing);
        return needing.isEmpty() && !snapshot.onDisk.contains(object.name.key());
    }

    private List<Stored> goingHistories() {
        Set<TimelineHistory> gone = new HashSet<>();
        histories.forEach(object -> gone.add(object.name.lineage()));
        histories.stream().filter(object -> !object.object.stored().isBefore(snapshot.before)).forEach(young -> gone.remove(young.name.lineage()));
        gone.removeIf(this::belongsToSomething);
        return histories.stream().filter(object -> gone.contains(object.name.lineage())).sorted(YOUNGEST_TIMELINE_FIRST).toList();
    }

    private boolean belongsToSomething(TimelineHistory lineage) {
        return staying.stream().anyMatch(other -> other.descendsFrom(lineage))
                || snapshot.lineages.stream().anyMatch(own -> own.descendsFrom(lineage))
                || snapshot.needs.stream().anyMatch(need -> need.lineage().descendsFrom(lineage));
    }

    /** Whether one of those needs a file: asked once more right before it is deleted, since somebody may have come meanwhile. */
    public static boolean isNeeded(ArchivedName name, Collection<Need> needs) {
        boolean isHistory = name.file() instanceof WalFileName.History;
        return needs.stream().anyMatch(need -> isHistory ? need.lineage().descendsFrom(name.lineage()) : needs(need, name));
    }

    private static boolean needs(Need need, ArchivedName name) {
        return end(name).isAfter(need.from())
                && (leadsTo(name.lineage(), start(name), need.lineage()) || !(need instanceof Need.Orphan) && name.lineage().descendsFrom(need.lineage()));
    }

    /** Whether a segment has WAL that a lineage goes through: its own, or an ancestor's from before that was left. */
    private static boolean leadsTo(TimelineHistory of, Lsn start, TimelineHistory lineage) {
        return lineage.descendsFrom(of) && lineage.switchPointOf(of.timeline()).map(start::isBefore).orElse(true);
    }

    private static Lsn start(ArchivedName name) {
        return segment(name.file()).start(name.size());
    }

    private static Lsn end(ArchivedName name) {
        return segment(name.file()).end(name.size());
    }

    private static SegmentId segment(WalFileName file) {
        return switch (file) {
            case WalFileName.Segment(var id) -> id;
            case WalFileName.Partial(var id) -> id;
            case WalFileName.Backup(var id, _) -> id;
            case WalFileName.History history -> throw new IllegalArgumentException("the history of timeline %s has no position".formatted(history.timeline()));
        };
    }
}
