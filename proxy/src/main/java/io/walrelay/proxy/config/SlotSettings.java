package io.walrelay.proxy.config;

/**
 * The slots that standbys have on the relay.
 *
 * @param maxRetained the most WAL that one slot may hold back (PostgreSQL: max_slot_wal_keep_size)
 */
public record SlotSettings(ByteSize maxRetained) {}
