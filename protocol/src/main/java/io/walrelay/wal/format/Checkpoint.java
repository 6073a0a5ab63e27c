package io.walrelay.wal.format;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * A checkpoint's record (PostgreSQL: pg_control.h, CheckPoint; xlog.c, CreateCheckPoint).
 *
 * @param redo from where a recovery that begins at this checkpoint replays
 * @param nextXid the first transaction that had not begun
 */
public record Checkpoint(Lsn redo, FullTransactionId nextXid) {

    private static final int RM_XLOG = 0;
    private static final int XLOG_CHECKPOINT_SHUTDOWN = 0x00;
    private static final int XLOG_CHECKPOINT_ONLINE = 0x10;
    private static final int KIND_BITS = 0xF0;

    /** xlogrecord.h: what comes before a record's main data when it refers to no block. */
    private static final int BLOCK_ID_DATA_SHORT = 0xFF;

    /** pg_control.h, in 13 to 18: what comes before nextXid. */
    private static final int NEXT_XID = 24;

    private static final int SHORT_DATA = RecordHeader.SIZE + 2;

    /**
     * Reads the record that {@code reader} stands on.
     *
     * @return empty when it is no checkpoint's
     */
    public static Optional<Checkpoint> of(WalReader reader) {
        RecordHeader header = reader.header();
        int kind = header.info() & KIND_BITS;
        boolean checkpoint = header.resourceManager() == RM_XLOG && (kind == XLOG_CHECKPOINT_SHUTDOWN || kind == XLOG_CHECKPOINT_ONLINE);
        if (!checkpoint || header.totalLength() < SHORT_DATA + NEXT_XID + Long.BYTES) {
            return Optional.empty();
        }
        ByteBuffer record = reader.record();
        boolean shortData = (record.get(RecordHeader.SIZE) & 0xFF) == BLOCK_ID_DATA_SHORT;
        return shortData
                ? Optional.of(new Checkpoint(new Lsn(record.getLong(SHORT_DATA)), new FullTransactionId(record.getLong(SHORT_DATA + NEXT_XID))))
                : Optional.empty();
    }
}
