package io.walrelay.cache.lookup;

import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The lineages that a view knows of. A lineage is also every one that it descends from. */
final class Lineages {

    private final TimelineHistory own;
    private final List<TimelineHistory> all = new ArrayList<>();

    Lineages(WalView view) {
        own = view.own();
        all.add(own);
        view.orphans().forEach(orphan -> all.add(orphan.lineage()));
        if (view.archive() instanceof WalView.Archived.Has(var lineages)) {
            all.addAll(lineages);
        }
    }

    /** Reasons in histories are free text: two lineages are the same by their timelines and switch points. */
    static boolean same(TimelineHistory a, TimelineHistory b) {
        return a.timeline().equals(b.timeline()) && a.forkWith(b).isEmpty();
    }

    boolean isOwn(TimelineHistory lineage) {
        return own.contains(lineage.timeline()) && same(own.upTo(lineage.timeline()), lineage);
    }

    /** Every lineage of a timeline: more than one when its number was taken more than once. */
    List<TimelineHistory> of(TimelineId timeline) {
        Map<String, TimelineHistory> found = new LinkedHashMap<>();
        for (TimelineHistory lineage : all) {
            if (lineage.contains(timeline)) {
                TimelineHistory upTo = lineage.upTo(timeline);
                found.putIfAbsent(upTo.id(), upTo);
            }
        }
        return List.copyOf(found.values());
    }

    /** What to ask for to get each of a timeline's lineages. */
    List<String> selectors(TimelineId timeline) {
        List<TimelineHistory> those = of(timeline);
        return those.stream().map(lineage -> LineageSelector.shortest(lineage, isAlone(lineage, those))).toList();
    }

    private static boolean isAlone(TimelineHistory lineage, List<TimelineHistory> among) {
        return among.stream().filter(other -> other.begin().equals(lineage.begin())).count() == 1;
    }
}
