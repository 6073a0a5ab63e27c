package io.walrelay.proxy.metrics;

import io.walrelay.cache.slot.Slot;
import io.walrelay.wal.Lsn;
import java.util.List;

/** The slots' series, by name. */
final class SlotSeries {

    private SlotSeries() {}

    static void add(Families families, List<Slot> slots, Lsn written) {
        Families.Gauge retained = families.gauge("slot_retained_bytes", "WAL that the slot keeps from being freed");
        Families.Gauge active = families.gauge("slot_active", "Whether a session uses the slot");
        Families.Gauge lost = families.gauge("slot_lost", "Whether WAL that the slot needs was given up (wal_status lost)");
        ByName.group(slots, Slot::name).forEach((name, group) -> {
            group.stream().filter(Slot::holds).mapToDouble(s -> RelayCollector.behind(s.reservedFrom(), written)).max().ifPresent(most ->
                    retained.at(most, "slot", name));
            active.at(group.stream().filter(s -> s.activePid().isPresent()).count(), "slot", name);
            lost.at(group.stream().filter(Slot::lost).count(), "slot", name);
        });
        retained.done();
        active.done();
        lost.done();
    }
}
