package io.walrelay.wal.format;

import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * The record with which a transaction ends, or the second phase of a prepared one (PostgreSQL: xact.h, xl_xact_commit and xl_xact_abort; the same
 * from 13 to 18).
 *
 * @param time by the clock of the server that wrote it, in microseconds since 2000-01-01 (timestamp.h, TimestampTz)
 */
public record TransactionEnd(boolean committed, long time) {

    private static final int RM_XACT = 1;

    // The highest bit says that there is more.
    private static final int KIND_BITS = 0x70;
    private static final int COMMIT = 0x00;
    private static final int ABORT = 0x20;
    private static final int COMMIT_PREPARED = 0x30;
    private static final int ABORT_PREPARED = 0x40;

    // xlogrecord.h: what comes before the main data of a record that refers to no block.
    private static final int ID_DATA_SHORT = 255;
    private static final int ID_DATA_LONG = 254;
    private static final int ID_ORIGIN = 253;
    private static final int ID_TOPLEVEL_XID = 252;

    /** Reads the record that {@code reader} stands on; empty when it ends no transaction. */
    public static Optional<TransactionEnd> of(WalReader reader) {
        RecordHeader header = reader.header();
        if (header.resourceManager() != RM_XACT) {
            return Optional.empty();
        }
        int kind = header.info() & KIND_BITS;
        return switch (kind) {
            case COMMIT, ABORT, COMMIT_PREPARED, ABORT_PREPARED ->
                time(reader.record()).map(time -> new TransactionEnd(kind == COMMIT || kind == COMMIT_PREPARED, time));
            default -> Optional.empty();
        };
    }

    /** Both begin their main data with the time. */
    private static Optional<Long> time(ByteBuffer record) {
        int at = RecordHeader.SIZE;
        while (at < record.limit()) {
            int data = switch (record.get(at) & 0xFF) {
                case ID_DATA_SHORT -> at + 2;
                case ID_DATA_LONG -> at + 5;
                default -> 0;
            };
            if (data > 0) {
                return data + Long.BYTES <= record.limit() ? Optional.of(record.getLong(data)) : Optional.empty();
            }
            switch (record.get(at) & 0xFF) {
                case ID_ORIGIN -> at += 3;
                case ID_TOPLEVEL_XID -> at += 5;
                default -> {
                    return Optional.empty();
                }
            }
        }
        return Optional.empty();
    }
}
