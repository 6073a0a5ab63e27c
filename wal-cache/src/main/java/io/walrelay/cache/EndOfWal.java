package io.walrelay.cache;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;

/**
 * Where the relay's WAL ends, at one instant. Published by the writer, read by everybody; a new value replaces the old.
 *
 * <p>Invariant: {@code acknowledgeable ≤ flushed ≤ written} and {@code acknowledgeable ≤ lastRecord ≤ written}.
 *
 * @param lineage the history that all bytes before {@code written} belong to
 * @param written a standby may be sent what lies before: it is in memory or in a file. Upstream has flushed it, the relay
 *     perhaps not yet
 * @param lastRecord the end of the last whole record before {@code written}, or the beginning of a segment past it: where a
 *     recovery of the relay would find the end of WAL again by reading
 * @param flushed all before is on the relay's disk
 * @param acknowledgeable {@code lastRecord} as it was when {@code flushed} was reached. This, not {@code flushed}, is what
 *     may be reported upstream: a byte in the middle of a record can't be told from garbage after a power loss, so one that
 *     was acknowledged could be lost although it was on disk
 */
public record EndOfWal(TimelineHistory lineage, Lsn written, Lsn lastRecord, Lsn flushed, Lsn acknowledgeable) {

    public EndOfWal {
        if (flushed.isAfter(written) || acknowledgeable.isAfter(flushed) || lastRecord.isAfter(written) || acknowledgeable.isAfter(lastRecord)) {
            throw new IllegalArgumentException(
                    "end of WAL out of order: written %s, last record %s, flushed %s, acknowledgeable %s".formatted(written, lastRecord, flushed, acknowledgeable));
        }
    }

    /** As it may be reported where WAL from {@code limit} on is not to be acknowledged. */
    public EndOfWal acknowledgingAtMost(Lsn limit) {
        return new EndOfWal(lineage, written, lastRecord, flushed, Lsn.min(acknowledgeable, limit));
    }

    EndOfWal withWritten(Lsn newWritten, Lsn newLastRecord) {
        return new EndOfWal(lineage, newWritten, newLastRecord, flushed, acknowledgeable);
    }

    EndOfWal withFlushed(Lsn newFlushed, Lsn newAcknowledgeable) {
        return new EndOfWal(lineage, written, lastRecord, Lsn.max(flushed, newFlushed), Lsn.max(acknowledgeable, newAcknowledgeable));
    }
}
