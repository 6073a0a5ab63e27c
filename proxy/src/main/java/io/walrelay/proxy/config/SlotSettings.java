package io.walrelay.proxy.config;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * The slots that standbys have on the relay.
 *
 * @param maxRetained the most WAL that one slot may hold back (PostgreSQL: max_slot_wal_keep_size)
 * @param named the same for some slots, by name
 * @param inactiveTimeout after how long nothing is kept for a slot that nobody uses (PostgreSQL: idle_replication_slot_timeout); empty for never
 */
public record SlotSettings(ByteSize maxRetained, Map<String, ByteSize> named, Optional<Duration> inactiveTimeout) {

    public SlotSettings {
        named = Map.copyOf(named);
    }
}
