package io.walrelay.wal.format;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import java.util.Optional;

/** Reads what a record says: a pure function of its bytes and the version that wrote them, 13 to 18. */
public final class RecordBodies {

    private static final int KIND_BITS = 0xF0;

    // pg_control.h
    private static final int CHECKPOINT_SHUTDOWN = 0x00;
    private static final int CHECKPOINT_ONLINE = 0x10;
    private static final int PARAMETER_CHANGE = 0x60;

    // xact.h: the highest bit says that there is more
    private static final int XACT_KIND_BITS = 0x70;
    private static final int XACT_COMMIT = 0x00;
    private static final int XACT_ABORT = 0x20;
    private static final int XACT_COMMIT_PREPARED = 0x30;
    private static final int XACT_ABORT_PREPARED = 0x40;

    // standbydefs.h
    private static final int RUNNING_XACTS = 0x10;

    private RecordBodies() {}

    /** Whether {@link #of} may know what such a record says: a look at two bytes, for those who pass over the rest. */
    public static boolean mayKnow(int resourceManager, int info) {
        return switch (resourceManager) {
            case ResourceManager.XLOG_ID -> isCheckpoint(info) || (info & KIND_BITS) == PARAMETER_CHANGE;
            case ResourceManager.XACT_ID -> isTransactionEnd(info);
            case ResourceManager.STANDBY_ID -> (info & KIND_BITS) == RUNNING_XACTS;
            default -> Removals.mayKnow(resourceManager, info);
        };
    }

    /**
     * What {@code record} says; empty when it is none of those that are known here, or removes nothing that a query could miss.
     *
     * @throws MalformedRecordException when it is too short for what it is, or has a value that none has
     */
    public static Optional<? extends RecordBody> of(WalRecord record) throws MalformedRecordException {
        int info = record.info();
        return switch (record.resourceManager()) {
            case ResourceManager.XLOG_ID -> ofXlog(record, info);
            case ResourceManager.XACT_ID -> isTransactionEnd(info) ? Optional.of(transactionEnd(record, info)) : Optional.empty();
            case ResourceManager.STANDBY_ID -> (info & KIND_BITS) == RUNNING_XACTS ? Optional.of(runningTransactions(record)) : Optional.empty();
            default -> Removals.of(record);
        };
    }

    /**
     * How the transaction ended whose end is the record that {@code reader} stands on; empty when that is another.
     *
     * @throws MalformedRecordException as {@link #of}
     */
    public static Optional<RecordBody.TransactionEnd> transactionEnd(WalReader reader) throws MalformedRecordException {
        if (reader.resourceManager() != ResourceManager.XACT_ID || !isTransactionEnd(reader.info())) {
            return Optional.empty();
        }
        WalRecord record = new WalRecord();
        reader.take(record);
        return Optional.of(transactionEnd(record, record.info()));
    }

    private static Optional<RecordBody> ofXlog(WalRecord record, int info) throws MalformedRecordException {
        if (isCheckpoint(info)) {
            return Optional.of(checkpoint(record));
        }
        return (info & KIND_BITS) == PARAMETER_CHANGE ? Optional.of(parameterChange(record)) : Optional.empty();
    }

    /** Whether a record is a checkpoint's. */
    public static boolean isCheckpoint(int resourceManager, int info) {
        return resourceManager == ResourceManager.XLOG_ID && isCheckpoint(info);
    }

    private static boolean isCheckpoint(int info) {
        int kind = info & KIND_BITS;
        return kind == CHECKPOINT_SHUTDOWN || kind == CHECKPOINT_ONLINE;
    }

    /**
     * A checkpoint's record; the fields that are read have had their places from 13 to 18:
     *
     * <pre>
     *   | redo | timeline | parent | full_page_writes | wal_level (17) | next xid | … | time | …
     *   0      8          12       16                 20               24             64
     * </pre>
     */
    private static RecordBody.Checkpoint checkpoint(WalRecord record) throws MalformedRecordException {
        return new RecordBody.Checkpoint(
                redo(record),
                (record.info() & KIND_BITS) == CHECKPOINT_SHUTDOWN,
                new FullTransactionId(record.mainLong(24)),
                record.mainLong(64));
    }

    /** From where a recovery that begins at this checkpoint replays. */
    public static Lsn redo(WalRecord checkpoint) throws MalformedRecordException {
        return new Lsn(checkpoint.mainLong(0));
    }

    /** Six numbers of 4 bytes and two booleans of one. */
    private static RecordBody.ParameterChange parameterChange(WalRecord record) throws MalformedRecordException {
        int level = record.mainInt(20);
        return new RecordBody.ParameterChange(new ServerParameters(
                record.mainInt(0),
                record.mainInt(4),
                record.mainInt(8),
                record.mainInt(12),
                record.mainInt(16),
                WalLevel.ofNumber(level).orElseThrow(() -> record.malformed("wal_level %d; expected 0 to 2".formatted(level))),
                record.mainByte(24) != 0,
                record.mainByte(25) != 0));
    }

    /**
     * <pre>
     *   | transactions | subtransactions | overflowed | next xid | oldest running | latest completed | identifiers …
     *   0              4                 8            12         16               20                 24
     * </pre>
     */
    private static RecordBody.RunningTransactions runningTransactions(WalRecord record) throws MalformedRecordException {
        return new RecordBody.RunningTransactions(
                record.mainInt(0), record.mainInt(4), record.mainByte(8) != 0, record.mainInt(12), record.mainInt(16), record.mainInt(20));
    }

    private static boolean isTransactionEnd(int info) {
        return switch (info & XACT_KIND_BITS) {
            case XACT_COMMIT, XACT_ABORT, XACT_COMMIT_PREPARED, XACT_ABORT_PREPARED -> true;
            default -> false;
        };
    }

    private static RecordBody.TransactionEnd transactionEnd(WalRecord record, int info) throws MalformedRecordException {
        int kind = info & XACT_KIND_BITS;
        return new RecordBody.TransactionEnd(kind == XACT_COMMIT || kind == XACT_COMMIT_PREPARED, record.mainLong(0));
    }
}
