package io.walrelay.proxy.metrics;

import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.FailoverSlot;
import io.walrelay.proxy.slotsync.SlotSync;
import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** The series of slot synchronisation. Those who asked are counted, not named. */
final class SlotSyncSeries {

    private SlotSyncSeries() {}

    static void add(Families families, SlotSync sync, Optional<WalCache> cache, Instant now) {
        families.gauge("slot_sync_refused", "Standbys whose slot synchronisation was told within ten minutes, and at last, that their slot does not exist", sync.refused(now));
        // Most relays have nobody who uses failover slots, and a role that can't read them: nothing that anybody has to hear of.
        sync.lastLook().filter(_ -> sync.isReliedOn(cache)).ifPresent(look -> {
            families.gauge("failover_slots_readable", "Whether upstream's failover slots could be read at the last look", look.problem().isEmpty() ? 1 : 0);
            families.gauge("failover_slots_look_age_seconds", "Time since upstream's failover slots were looked at", RelayCollector.seconds(Duration.between(look.at(), now)));
        });
    }

    static void add(Families families, WalCache cache) {
        Lsn end = cache.end().written();
        List<FailoverSlot> slots = cache.failoverSlots().all();
        Families.Gauge retained = families.gauge("failover_slot_retained_bytes", "WAL that upstream's failover slot keeps from being freed here");
        Families.Gauge invalidated = families.gauge("failover_slot_invalidated", "Whether upstream has invalidated its failover slot");
        slots.forEach(slot -> {
            if (slot.holds()) {
                retained.at(RelayCollector.behind(slot.restartLsn(), end), "slot", slot.name());
            }
            invalidated.at(slot.invalidation().isPresent() ? 1 : 0, "slot", slot.name());
        });
        retained.done();
        invalidated.done();
    }
}
