package io.walrelay.cache.retention;

import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.ObjectStore;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What may be deleted from an archive because of its age? A pure function of a snapshot; whoever deletes only receives its answer.
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

        /** What the relay itself has on its disk, or has yet to archive. */
        record Disk(TimelineHistory lineage, Lsn from) implements Need {}

        /** A folder of older WAL that is on its way into the archive. */
        record Import(String folder, TimelineHistory lineage, Lsn from) implements Need {}

        /** Acknowledged WAL past a fork whose loss nobody has accepted. */
        record Orphan(TimelineHistory lineage, Lsn from) implements Need {}
    }

    /** An object and the file that it is, or lies beside of. */
    public record Stored(ArchivedName name, ObjectStore.Listed object) {}

    /**
     * @param onDisk keys of files that the relay would archive again
     * @param lineages whose histories stay, and those of their ancestors: the relay's own and those of its orphans
     * @param keep how long WAL is kept that nobody needs
     */
    public record Snapshot(List<Stored> objects, List<Need> needs, Set<String> onDisk, List<TimelineHistory> lineages, Duration keep, Instant now) {}

    /**
     * @param delete in this order: after each, what is left has no hole
     * @param horizon who keeps the oldest of what is old enough to go; empty when only age keeps what is there
     */
    public record Decision(List<Stored> delete, Optional<Need> horizon) {

        public Decision {
            delete = List.copyOf(delete);
        }
    }

    /** A file with all that lies beside it. */
    private static final class File {
        private final ArchivedName name;
        private final List<Stored> objects = new ArrayList<>();
        private Instant newest = Instant.MIN;

        File(ArchivedName name) {
            this.name = name;
        }

        void add(Stored object) {
            objects.add(object);
            newest = object.object.stored().isAfter(newest) ? object.object.stored() : newest;
        }

        boolean isHistory() {
            return name.file() instanceof WalFileName.History;
        }

        TimelineHistory lineage() {
            return name.lineage();
        }

        Lsn start() {
            return segment(name.file()).start(name.size());
        }

        Lsn end() {
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

    private final Snapshot snapshot;
    private final List<File> segments = new ArrayList<>();
    private final List<File> histories = new ArrayList<>();
    private final List<File> staying = new ArrayList<>();
    private final List<Need> holding = new ArrayList<>();

    private ArchiveRetention(Snapshot snapshot) {
        this.snapshot = snapshot;
        Map<String, File> files = new LinkedHashMap<>();
        snapshot.objects.forEach(object -> files.computeIfAbsent(object.name.key(), _ -> new File(object.name)).add(object));
        files.values().forEach(file -> (file.isHistory() ? histories : segments).add(file));
        segments.sort(Comparator.comparing(File::start).thenComparing(file -> file.name.fileName()));
        histories.sort(Comparator.comparing((File file) -> file.lineage().timeline()).reversed());
    }

    public static Decision decide(Snapshot snapshot) {
        return new ArchiveRetention(snapshot).decide();
    }

    private Decision decide() {
        Instant before = oldBefore();
        Set<File> free = new HashSet<>();
        for (File file : segments) {
            if (isFree(file, before)) {
                free.add(file);
            } else {
                staying.add(file);
            }
        }
        Map<String, Optional<Lsn>> cuts = new HashMap<>();
        List<Stored> delete = new ArrayList<>();
        for (File file : segments) {
            Optional<Lsn> cut = cuts.computeIfAbsent(file.lineage().id(), _ -> firstStaying(file.lineage()));
            boolean goes = free.contains(file) && (cut.isEmpty() || file.end().isAtMost(cut.get()));
            if (goes) {
                delete.addAll(file.objects);
            } else if (free.contains(file)) {
                staying.add(file);
            }
        }
        histories.stream().filter(file -> file.newest.isBefore(before) && !belongsToSomething(file.lineage())).forEach(file -> delete.addAll(file.objects));
        return new Decision(delete, holding.stream().min(Comparator.comparing(Need::from)));
    }

    private Instant oldBefore() {
        List<Instant> latest = snapshot.objects.stream()
                .map(object -> object.object.stored())
                .sorted(Comparator.reverseOrder())
                .limit(WITNESSES)
                .toList();
        if (latest.size() < WITNESSES) {
            return Instant.MIN;
        }
        Instant agreed = latest.getLast();
        return (agreed.isBefore(snapshot.now) ? agreed : snapshot.now).minus(snapshot.keep);
    }

    private boolean isFree(File file, Instant before) {
        if (!file.newest.isBefore(before)) {
            return false;
        }
        List<Need> needing = snapshot.needs.stream().filter(need -> needs(need, file)).toList();
        holding.addAll(needing);
        return needing.isEmpty() && !snapshot.onDisk.contains(file.name.key());
    }

    /** Whether one of those needs a file: asked once more right before it is deleted, since somebody may have come meanwhile. */
    public static boolean isNeeded(ArchivedName name, Collection<Need> needs) {
        File file = new File(name);
        return needs.stream().anyMatch(need -> file.isHistory() ? need.lineage().descendsFrom(name.lineage()) : needs(need, file));
    }

    private static boolean needs(Need need, File file) {
        return file.end().isAfter(need.from()) && (leadsTo(file, need.lineage()) || !(need instanceof Need.Orphan) && file.lineage().descendsFrom(need.lineage()));
    }

    /** Whether the file has WAL that a lineage goes through: its own, or an ancestor's from before that was left. */
    private static boolean leadsTo(File file, TimelineHistory lineage) {
        return lineage.descendsFrom(file.lineage()) && lineage.switchPointOf(file.lineage().timeline()).map(file.start()::isBefore).orElse(true);
    }

    /** Where what stays begins on the way along a lineage. */
    private Optional<Lsn> firstStaying(TimelineHistory lineage) {
        return staying.stream().filter(file -> leadsTo(file, lineage)).map(File::start).min(Comparator.naturalOrder());
    }

    private boolean belongsToSomething(TimelineHistory lineage) {
        return staying.stream().anyMatch(file -> file.lineage().descendsFrom(lineage))
                || snapshot.lineages.stream().anyMatch(own -> own.descendsFrom(lineage))
                || snapshot.needs.stream().anyMatch(need -> need.lineage().descendsFrom(lineage));
    }
}
