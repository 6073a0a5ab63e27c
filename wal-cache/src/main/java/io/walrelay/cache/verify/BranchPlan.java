package io.walrelay.cache.verify;

import io.walrelay.cache.verify.Report.Standing;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * A lineage that is to be read, from where it parts from those that come before it. All of them together read every file once.
 *
 * @param from the segment where reading begins
 * @param parent the lineage that it parts from, and {@code fork} where; empty for the first
 */
record BranchPlan(Course course, Standing standing, long from, Optional<TimelineHistory> parent, Optional<Lsn> fork) {

    /**
     * What is to be read: a pure function of what there is.
     *
     * @param own the lineage that comes first
     */
    static List<BranchPlan> of(Inventory inventory, TimelineHistory own) {
        List<TimelineHistory> lineages = new ArrayList<>();
        lineages.add(own);
        inventory.lineages().stream()
                .map(LineageFiles::lineage)
                .filter(lineage -> !lineage.id().equals(own.id()))
                .sorted(Comparator.comparing(TimelineHistory::timeline).reversed().thenComparing(TimelineHistory::id))
                .forEach(lineages::add);
        List<BranchPlan> plans = new ArrayList<>();
        for (TimelineHistory lineage : lineages) {
            plan(inventory, lineage, plans).ifPresent(plans::add);
        }
        return List.copyOf(plans);
    }

    private static Optional<BranchPlan> plan(Inventory inventory, TimelineHistory lineage, List<BranchPlan> before) {
        Course course = Course.of(lineage, inventory.size(), inventory);
        if (before.isEmpty()) {
            return Optional.of(new BranchPlan(course, Standing.OWN, 0, Optional.empty(), Optional.empty()));
        }
        BranchPlan parent = before.stream().max(Comparator.comparing(plan -> plan.forkWith(lineage))).orElseThrow();
        Lsn fork = parent.forkWith(lineage);
        long from = inventory.size().segmentNumber(fork);
        if (inventory.filesOf(lineage).atLeast(from).isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(new BranchPlan(course, Standing.ORPHAN, from, Optional.of(parent.course.lineage()), Optional.of(fork)));
    }

    private Lsn forkWith(TimelineHistory other) {
        return course.lineage().forkWith(other).orElseThrow(() -> new IllegalStateException("lineage %s is planned twice".formatted(other.id())));
    }
}
