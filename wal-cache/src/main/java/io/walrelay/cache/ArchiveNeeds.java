package io.walrelay.cache;

import io.walrelay.cache.retention.ArchiveRetention.Need;
import io.walrelay.cache.slot.FailoverSlot;
import io.walrelay.cache.slot.Slot;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What this relay needs of the archive, whoever else needs what. Thread-safe.
 *
 * @param importing the folder that is being imported
 */
record ArchiveNeeds(WalCache cache, Archiver archiver, Supplier<Optional<String>> importing) {

    /** As it is now; on the relay's own lineage at least one. */
    List<Need> now() {
        TimelineHistory lineage = cache.end().lineage();
        List<Need> needs = new ArrayList<>();
        needs.add(new Need.Disk(lineage, Lsn.min(cache.oldest(), archiver.status().archived())));
        cache.slots().all().stream().filter(Slot::holds).forEach(slot -> needs.add(new Need.Slot(slot.name(), lineage, slot.reservedFrom())));
        cache.failoverSlots().all().stream()
                .filter(FailoverSlot::holds)
                .forEach(slot -> needs.add(new Need.FailoverSlot(slot.name(), lineage, slot.restartLsn())));
        cache.orphans().stream().filter(Orphan::alarming).forEach(orphan -> needs.add(new Need.Orphan(orphan.lineage(), orphan.fork())));
        // What comes in may be older than all that is there: while what lies between goes, there would be a hole.
        importing.get().ifPresent(folder -> needs.add(new Need.Import(folder, root(lineage), Lsn.INVALID)));
        return needs;
    }

    private static TimelineHistory root(TimelineHistory lineage) {
        return lineage.ancestors().isEmpty() ? lineage : lineage.upTo(lineage.ancestors().getFirst().timeline());
    }
}
