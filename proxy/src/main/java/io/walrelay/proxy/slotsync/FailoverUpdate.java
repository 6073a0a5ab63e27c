package io.walrelay.proxy.slotsync;

import io.walrelay.cache.FailoverSlots.Seen;
import io.walrelay.cache.slot.FailoverSlot;
import io.walrelay.wal.TimelineHistory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What becomes of the failover slots that the relay knows when upstream says what it has (slotsync.c, synchronize_slots): created, advanced, invalidated, dropped
 * when obsolete, and never moved backward.
 *
 * @param now the slots from now on
 * @param created names of those that were not known
 * @param dropped names of those that upstream has no more
 * @param behind names of those of which upstream's position is before the known one, which stays
 */
public record FailoverUpdate(Seen now, List<String> created, List<String> dropped, List<String> behind) {

    public FailoverUpdate {
        created = List.copyOf(created);
        dropped = List.copyOf(dropped);
        behind = List.copyOf(behind);
    }

    /**
     * A pure function.
     *
     * @param before empty when upstream was never asked
     * @param lineage that upstream is on
     * @param theirs what upstream has, each name once
     */
    public static FailoverUpdate of(Optional<Seen> before, TimelineHistory lineage, List<FailoverSlot> theirs) {
        List<FailoverSlot> slots = new ArrayList<>();
        List<String> created = new ArrayList<>();
        List<String> behind = new ArrayList<>();
        for (FailoverSlot their : theirs) {
            Optional<FailoverSlot> known = before.flatMap(seen -> seen.find(their.name()).filter(slot -> isGood(seen, slot, lineage, their)));
            if (known.isEmpty()) {
                if (isThere(their)) {
                    slots.add(their);
                    created.add(their.name());
                }
            } else if (their.invalidation().isPresent()) {
                slots.add(known.get().invalidated(their.invalidation().get()));
            } else if (!isThere(their) || isBefore(their, known.get())) {
                slots.add(known.get());
                behind.add(their.name());
            } else {
                slots.add(their);
            }
        }
        Seen now = new Seen(lineage, slots);
        List<String> dropped = before.map(Seen::slots).orElse(List.of()).stream()
                .map(FailoverSlot::name)
                .filter(name -> now.find(name).isEmpty())
                .toList();
        return new FailoverUpdate(now, created, dropped, behind);
    }

    /** Whether what is known of a slot counts on {@code lineage}: past a fork it is another's, and one that was invalidated and is valid there is another one. */
    private static boolean isGood(Seen seen, FailoverSlot known, TimelineHistory lineage, FailoverSlot their) {
        boolean revived = known.invalidation().isPresent() && their.invalidation().isEmpty();
        return !revived && lineage.reaches(seen.lineage(), known.restartLsn()) && lineage.reaches(seen.lineage(), known.confirmedFlushLsn());
    }

    /** A valid one that has no positions yet is still being made. */
    private static boolean isThere(FailoverSlot their) {
        return their.invalidation().isEmpty() && their.restartLsn().isValid() && their.confirmedFlushLsn().isValid() && their.catalogXmin() != 0;
    }

    private static boolean isBefore(FailoverSlot their, FailoverSlot known) {
        return their.restartLsn().isBefore(known.restartLsn())
                || their.confirmedFlushLsn().isBefore(known.confirmedFlushLsn())
                || precedes(their.catalogXmin(), known.catalogXmin());
    }

    /** transam.c, TransactionIdPrecedes: modulo 2^32. */
    private static boolean precedes(long a, long b) {
        return (int) (a - b) < 0;
    }

    /** Whether anything is other than before. */
    public boolean moved(Optional<Seen> before) {
        return !Optional.of(now).equals(before);
    }
}
