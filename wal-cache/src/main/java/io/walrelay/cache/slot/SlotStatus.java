package io.walrelay.cache.slot;

import java.util.Optional;

/**
 * A slot beside the WAL that is held: a row of pg_replication_slots.
 *
 * @param retained bytes from its position to the end of WAL; empty while nothing is kept for it
 * @param safe bytes that may still be written before it holds more than it may on the disk, negative when it does (safe_wal_size); empty
 *     while nothing is kept for it, and where it may hold anything
 * @param walStatus empty while it reserves none
 */
public record SlotStatus(Slot slot, Optional<Long> retained, Optional<Long> safe, Optional<WalStatus> walStatus) {

    public static SlotStatus of(Slot slot, Reach reach, SlotLimits limits) {
        Optional<Long> retained = slot.holds() ? Optional.of(reach.past(slot.reservedFrom())) : Optional.empty();
        long most = limits.maxRetained(slot.name());
        Optional<Long> safe = retained.filter(_ -> most != Long.MAX_VALUE).map(bytes -> most - bytes);
        return new SlotStatus(slot, retained, safe, WalStatus.of(slot, reach, limits));
    }
}
