package io.walrelay.cache.slot;

import java.util.Locale;
import java.util.Optional;

/** Whether the WAL that a slot needs is there, in PostgreSQL's words (xlog.c, GetWALAvailability; pg_replication_slots.wal_status). */
public enum WalStatus {
    /** On the disk, and kept there. */
    RESERVED,
    /** In the archive: it is more than the disk keeps for the slot, or has. */
    EXTENDED,
    /** It is there, or may be: nothing keeps it. A standby that comes now may still go on. */
    UNRESERVED,
    /** No tier has it. */
    LOST;

    /** @return empty while the slot reserves none */
    public static Optional<WalStatus> of(Slot slot, Reach reach, SlotLimits limits) {
        if (slot.lost()) {
            return Optional.of(LOST);
        }
        if (!slot.restartLsn().isValid()) {
            return Optional.empty();
        }
        boolean kept = slot.holds() && reach.past(slot.reservedFrom()) <= limits.maxRetained(slot.name());
        boolean onDisk = reach.isOnDisk(slot.restartLsn());
        if (onDisk && kept) {
            return Optional.of(RESERVED);
        }
        if (reach.isArchived(slot.restartLsn())) {
            return Optional.of(slot.holds() ? EXTENDED : UNRESERVED);
        }
        // An archive that could not be asked has not said that it lacks anything.
        return Optional.of(onDisk || reach.archiveUnknown() ? UNRESERVED : LOST);
    }

    /** As PostgreSQL shows it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
