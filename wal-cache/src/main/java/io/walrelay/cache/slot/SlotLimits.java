package io.walrelay.cache.slot;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * How much WAL slots may keep, and for how long without a standby.
 *
 * @param overall bytes that a slot may hold on the disk, if {@code named} says nothing else (PostgreSQL: max_slot_wal_keep_size)
 * @param named the same for some slots, by name
 * @param inactiveTimeout after how long nothing is kept for a slot that nobody uses (PostgreSQL: idle_replication_slot_timeout); empty for never
 */
public record SlotLimits(long overall, Map<String, Long> named, Optional<Duration> inactiveTimeout) {

    public SlotLimits {
        named = Map.copyOf(named);
    }

    /** The same for all slots, however long nobody uses them. */
    public static SlotLimits upTo(long bytes) {
        return new SlotLimits(bytes, Map.of(), Optional.empty());
    }

    /** Bytes that a slot may hold on the disk. */
    public long maxRetained(String slot) {
        return named.getOrDefault(slot, overall);
    }

    /** Whether something has been unused for too long. */
    public boolean isOver(Instant inactiveSince, Instant now) {
        return inactiveTimeout.filter(timeout -> Duration.between(inactiveSince, now).compareTo(timeout) >= 0).isPresent();
    }
}
