package io.walrelay.proxy.http;

import io.walrelay.cache.FailoverSlots;
import io.walrelay.cache.WalCache;
import io.walrelay.proxy.slotsync.SlotSync;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * How slots are synchronised to standbys through the relay.
 *
 * @param lookedAt when upstream's failover slots were asked for last; null before
 * @param problem why they can't be read
 * @param failoverSlots upstream's: logical slots that no standby can stream from here, for which WAL is kept
 * @param standbys who asked since the start, by the slot
 */
public record SlotSyncReport(Optional<Instant> lookedAt, Optional<String> problem, List<FailoverSlot> failoverSlots, List<Asked> standbys) {

    /**
     * A logical slot on upstream as it was seen last.
     *
     * @param catalogXmin the oldest transaction whose effect on catalogs it needs
     * @param retainedBytes from its position to the end of WAL; null once upstream has invalidated it
     */
    public record FailoverSlot(
            String name,
            String plugin,
            String database,
            boolean twoPhase,
            Optional<String> restartLsn,
            Optional<String> confirmedFlushLsn,
            Optional<Long> catalogXmin,
            Optional<Long> retainedBytes,
            Optional<String> invalidationReason) {}

    /**
     * @param granted whether it may go on, as far as the relay is concerned
     * @param refusal why not: it was told that its slot does not exist
     */
    public record Asked(String slot, Instant at, boolean granted, Optional<String> refusal) {}

    static SlotSyncReport of(RelayState relay) {
        SlotSync sync = relay.slotSync();
        return new SlotSyncReport(
                sync.lastLook().map(SlotSync.Look::at),
                sync.lastLook().flatMap(SlotSync.Look::problem),
                relay.cache().map(SlotSyncReport::slots).orElse(List.of()),
                sync.asked().stream()
                        .map(asked -> new Asked(asked.answer().slot(), asked.at(), asked.answer().granted(), asked.answer().refusal()))
                        .toList());
    }

    private static List<FailoverSlot> slots(WalCache cache) {
        FailoverSlots slots = cache.failoverSlots();
        Lsn end = cache.end().written();
        return slots.all().stream()
                .map(slot -> new FailoverSlot(
                        slot.name(),
                        slot.plugin(),
                        slot.database(),
                        slot.twoPhase(),
                        Reports.position(slot.restartLsn()),
                        Reports.position(slot.confirmedFlushLsn()),
                        Optional.of(slot.catalogXmin()).filter(xid -> xid != 0),
                        slot.holds() ? Optional.of(Reports.behind(slot.restartLsn(), end)) : Optional.empty(),
                        slot.invalidation()))
                .toList();
    }
}
