package io.walrelay.wal.format;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads what a record says: a pure function of its bytes and the version that wrote them, 13 to 18. */
public final class RecordBodies {

    private static final int KIND_BITS = 0xF0;

    // pg_control.h
    private static final int CHECKPOINT_SHUTDOWN = 0x00;
    private static final int CHECKPOINT_ONLINE = 0x10;
    private static final int PARAMETER_CHANGE = 0x60;
    private static final int FULL_PAGE_WRITES_CHANGE = 0x80;
    private static final int END_OF_RECOVERY = 0x90;
    private static final int OVERWRITE_CONTRECORD = 0xD0;

    // xact.h: the highest bit says that there is more
    private static final int XACT_KIND_BITS = 0x70;
    private static final int XACT_COMMIT = 0x00;
    private static final int XACT_ABORT = 0x20;
    private static final int XACT_COMMIT_PREPARED = 0x30;
    private static final int XACT_ABORT_PREPARED = 0x40;
    private static final int XACT_HAS_INFO = 0x80;
    private static final int HAS_DATABASE = 0x01;
    private static final int HAS_SUBTRANSACTIONS = 0x02;
    private static final int HAS_DROPPED_RELATIONS = 0x04;

    // standbydefs.h
    private static final int RUNNING_XACTS = 0x10;

    private RecordBodies() {}

    /** Whether {@link #of} may know what such a record says: a look at two bytes, for those who pass over the rest. */
    public static boolean mayKnow(int resourceManager, int info) {
        return switch (resourceManager) {
            case ResourceManager.XLOG_ID -> switch (info & KIND_BITS) {
                case CHECKPOINT_SHUTDOWN, CHECKPOINT_ONLINE, PARAMETER_CHANGE, FULL_PAGE_WRITES_CHANGE, END_OF_RECOVERY, OVERWRITE_CONTRECORD -> true;
                default -> FileChanges.mayKnow(resourceManager, info);
            };
            case ResourceManager.XACT_ID -> isTransactionEnd(info) || FileChanges.mayKnow(resourceManager, info);
            case ResourceManager.STANDBY_ID -> (info & KIND_BITS) == RUNNING_XACTS || FileChanges.mayKnow(resourceManager, info);
            default -> Removals.mayKnow(resourceManager, info) || FileChanges.mayKnow(resourceManager, info);
        };
    }

    /** Whether such a record may change files otherwise than by its references: a {@link FileChange}, or a transaction's end, which may drop relations. */
    public static boolean mayChangeFiles(int resourceManager, int info) {
        return FileChanges.mayKnow(resourceManager, info) || resourceManager == ResourceManager.XACT_ID && isTransactionEnd(info);
    }

    /**
     * What {@code record} says beside what it does to the blocks that it refers to; empty when it is none of those that are known here, or removes
     * nothing that a query could miss.
     *
     * @throws MalformedRecordException when it is too short for what it is, or has a value that none has
     */
    public static Optional<? extends RecordBody> of(WalRecord record) throws MalformedRecordException {
        int info = record.info();
        return switch (record.resourceManager()) {
            case ResourceManager.XLOG_ID -> ofXlog(record, info);
            case ResourceManager.XACT_ID -> isTransactionEnd(info) ? Optional.of(transactionEnd(record, info)) : FileChanges.of(record);
            case ResourceManager.STANDBY_ID -> (info & KIND_BITS) == RUNNING_XACTS ? Optional.of(runningTransactions(record)) : FileChanges.of(record);
            default -> {
                Optional<? extends RecordBody> removal = Removals.of(record);
                yield removal.isPresent() ? removal : FileChanges.of(record);
            }
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

    private static Optional<? extends RecordBody> ofXlog(WalRecord record, int info) throws MalformedRecordException {
        return switch (info & KIND_BITS) {
            case CHECKPOINT_SHUTDOWN, CHECKPOINT_ONLINE -> Optional.of(checkpoint(record));
            case PARAMETER_CHANGE -> Optional.of(parameterChange(record));
            case FULL_PAGE_WRITES_CHANGE -> Optional.of(new RecordBody.FullPageWritesChange(record.mainByte(0) != 0));
            case END_OF_RECOVERY -> Optional.of(new RecordBody.EndOfRecovery(timeline(record, 8), timeline(record, 12), record.mainLong(0)));
            case OVERWRITE_CONTRECORD -> Optional.of(new RecordBody.OverwriteContrecord(new Lsn(record.mainLong(0)), record.mainLong(8)));
            default -> FileChanges.of(record);
        };
    }

    private static TimelineId timeline(WalRecord record, int index) throws MalformedRecordException {
        int number = record.mainInt(index);
        if (number == 0) {
            throw record.malformed("timeline 0; expected 1 or more");
        }
        return new TimelineId(number);
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
    static RecordBody.Checkpoint checkpoint(WalRecord record) throws MalformedRecordException {
        return new RecordBody.Checkpoint(
                new Lsn(record.mainLong(0)),
                (record.info() & KIND_BITS) == CHECKPOINT_SHUTDOWN,
                timeline(record, 8),
                timeline(record, 12),
                record.mainByte(16) != 0,
                new FullTransactionId(record.mainLong(24)),
                record.mainLong(64));
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
        return new RecordBody.TransactionEnd(kind == XACT_COMMIT || kind == XACT_COMMIT_PREPARED, record.mainLong(0), droppedRelations(record, info));
    }

    /**
     * What follows the time, the same for commits and aborts as far as this goes (xactdesc.c, ParseCommitRecord), each only if its bit says so:
     *
     * <pre>
     *   | what follows | database, tablespace | number | subtransactions … | number | relations …
     *     4              8                      4        4 each              4        12 each
     * </pre>
     */
    private static List<RelationFile> droppedRelations(WalRecord record, int info) throws MalformedRecordException {
        int follows = (info & XACT_HAS_INFO) == 0 ? 0 : record.mainInt(8);
        if ((follows & HAS_DROPPED_RELATIONS) == 0) {
            return List.of();
        }
        int at = 12 + ((follows & HAS_DATABASE) == 0 ? 0 : 8);
        if ((follows & HAS_SUBTRANSACTIONS) != 0) {
            at += Integer.BYTES + record.mainCount(at, Integer.BYTES) * Integer.BYTES;
        }
        int count = record.mainCount(at, RelationFile.SIZE);
        List<RelationFile> dropped = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            dropped.add(record.mainRelation(at + Integer.BYTES + i * RelationFile.SIZE));
        }
        return dropped;
    }
}
