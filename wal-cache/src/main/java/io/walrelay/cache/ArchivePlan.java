package io.walrelay.cache;

import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What is to be archived, in which order: a pure function of what is held.
 *
 * <ol>
 *   <li>Histories, so that none comes after the first segment of its timeline.
 *   <li>Whole segments of our own history that are verified, the oldest first.
 *   <li>The last segment of a timeline that has ended, as {@code .partial}.
 *   <li>What lies past a fork: whoever has to be rewound, or asks what was lost, wants it.
 * </ol>
 */
final class ArchivePlan {

    /** Where a file's bytes are. */
    sealed interface Place {
        record Own(SegmentId id) implements Place {}

        record Orphan(SegmentFiles.Orphaned file) implements Place {}

        /** A history, as upstream sent it or else as we know it. */
        record History(TimelineHistory lineage) implements Place {}
    }

    record Item(ArchivedName name, Place place) {}

    /**
     * @param archived whether a file is known to be in the archive
     * @param verified own WAL before is verified
     * @param damaged segments that never will be
     */
    record View(
            TimelineHistory own,
            Predicate<ArchivedName> archived,
            Lsn verified,
            Predicate<SegmentId> damaged,
            List<SegmentFiles.Held> held,
            List<SegmentFiles.Orphaned> orphaned,
            List<Orphan> orphans,
            SegmentSize size) {}

    private final View view;
    private final Set<Item> items = new LinkedHashSet<>();

    private ArchivePlan(View view) {
        this.view = view;
    }

    static List<Item> pending(View view) {
        ArchivePlan plan = new ArchivePlan(view);
        plan.histories(view.own);
        plan.ownSegments();
        plan.endsOfTimelines();
        for (SegmentFiles.Orphaned file : sorted(view.orphaned)) {
            nameOf(file, view.orphans, view.size).ifPresent(name -> {
                plan.histories(name.lineage());
                plan.add(name, new Place.Orphan(file));
            });
        }
        return List.copyOf(plan.items);
    }

    private static List<SegmentFiles.Orphaned> sorted(List<SegmentFiles.Orphaned> files) {
        return files.stream()
                .sorted(Comparator.comparing(SegmentFiles.Orphaned::directory).thenComparing(f -> f.held().id()))
                .toList();
    }

    private void add(ArchivedName name, Place place) {
        if (!view.archived.test(name)) {
            items.add(new Item(name, place));
        }
    }

    private void histories(TimelineHistory lineage) {
        for (TimelineHistory.Ancestor ancestor : lineage.ancestors()) {
            history(lineage.upTo(ancestor.timeline()));
        }
        history(lineage);
    }

    private void history(TimelineHistory lineage) {
        if (!lineage.ancestors().isEmpty()) {
            add(new ArchivedName(lineage, new WalFileName.History(lineage.timeline()), view.size), new Place.History(lineage));
        }
    }

    private void ownSegments() {
        view.held.stream()
                .filter(h -> h.whole() && view.own.contains(h.id().timeline()) && !view.damaged.test(h.id()))
                .filter(h -> h.id().end(view.size).isAtMost(view.verified))
                .sorted(Comparator.comparingLong(h -> h.id().number()))
                .forEach(h -> add(new ArchivedName(view.own.upTo(h.id().timeline()), h.fileName(), view.size), new Place.Own(h.id())));
    }

    private void endsOfTimelines() {
        view.held.stream()
                .filter(h -> !h.whole() && view.own.switchPointOf(h.id().timeline()).isPresent())
                .forEach(h -> add(new ArchivedName(view.own.upTo(h.id().timeline()), h.fileName(), view.size), new Place.Own(h.id())));
    }

    /** What a segment past a fork is called in the archive; empty when nothing is known of its orphan. */
    static Optional<ArchivedName> nameOf(SegmentFiles.Orphaned file, List<Orphan> orphans, SegmentSize size) {
        TimelineId timeline = file.held().id().timeline();
        return orphans.stream()
                .map(Orphan::lineage)
                .filter(lineage -> SegmentFiles.orphanDirectory(lineage).equals(file.directory()) && lineage.contains(timeline))
                .map(lineage -> new ArchivedName(lineage.upTo(timeline), file.held().fileName(), size))
                .findFirst();
    }
}
