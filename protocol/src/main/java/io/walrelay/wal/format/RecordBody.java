package io.walrelay.wal.format;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.util.List;
import java.util.Optional;

/** What a record says, as far as somebody wants to know it; made by {@link RecordBodies}. */
public sealed interface RecordBody
        permits RecordBody.Checkpoint,
                RecordBody.ParameterChange,
                RecordBody.FullPageWritesChange,
                RecordBody.EndOfRecovery,
                RecordBody.OverwriteContrecord,
                RecordBody.RunningTransactions,
                RecordBody.Removal,
                RecordBody.TransactionEnd,
                FileChange {

    /**
     * A checkpoint (pg_control.h, CheckPoint; xlog.c, CreateCheckPoint).
     *
     * @param redo from where a recovery that begins at this checkpoint replays
     * @param previous the timeline before, where this checkpoint begins a new one; else the same
     * @param fullPageWrites whether full_page_writes is in force
     * @param nextXid the first transaction identifier that was not given out then
     * @param epochSecond when, in seconds since 1970
     */
    record Checkpoint(
            Lsn redo, boolean shutdown, TimelineId timeline, TimelineId previous, boolean fullPageWrites, FullTransactionId nextXid, long epochSecond)
            implements RecordBody {}

    /** The primary has started with other settings than those before (xlog.c, XLogReportParameters). */
    record ParameterChange(ServerParameters parameters) implements RecordBody {}

    /** full_page_writes is in force from here on, or no longer (xlog.c, UpdateFullPageWrites). */
    record FullPageWritesChange(boolean on) implements RecordBody {}

    /**
     * A server was promoted and began a timeline here, without a checkpoint (xlog.c, CreateEndOfRecoveryRecord).
     *
     * @param previous the timeline that it has left
     * @param time as {@link TransactionEnd#time}
     */
    record EndOfRecovery(TimelineId timeline, TimelineId previous, long time) implements RecordBody {}

    /**
     * The record that began at {@code overwritten} was never finished: this one took the place of its rest (xlog.c, CreateOverwriteContrecordRecord).
     *
     * @param time as {@link TransactionEnd#time}
     */
    record OverwriteContrecord(Lsn overwritten, long time) implements RecordBody {}

    /**
     * The transactions that run (standbydefs.h, xl_running_xacts): from one that is whole a standby can begin to answer queries.
     *
     * @param transactions how many are listed
     * @param subtransactions how many of their subtransactions are listed
     * @param overflowed whether subtransactions are missing: a transaction had more than 64, so a standby that begins here has to wait for
     *     another one, or for the end of all that ran then
     * @param nextXid 32 bits, as {@link FullTransactionId#near} takes it; so the other identifiers
     */
    record RunningTransactions(
            int transactions, int subtransactions, boolean overflowed, int nextXid, int oldestRunningXid, int latestCompletedXid)
            implements RecordBody {}

    /**
     * Row versions, or index pages, are removed: queries on a standby that may still see them are cancelled when they stand in the way
     * (standby.c, ResolveRecoveryConflictWithSnapshot).
     *
     * @param xid the newest transaction whose removed versions nobody may need: a snapshot that does not see it as ended conflicts. 32 bits
     * @param full with its epoch, where the record has it
     */
    record Removal(Cause cause, RelationFile relation, int xid, Optional<FullTransactionId> full) implements RecordBody {}

    /**
     * A transaction ended, or the second phase of one.
     *
     * @param time by the primary's clock, in microseconds since 2000-01-01 (timestamp.h, TimestampTz)
     * @param dropped relations whose files, all forks of them, are removed with it
     */
    record TransactionEnd(boolean committed, long time, List<RelationFile> dropped) implements RecordBody {

        public TransactionEnd {
            dropped = List.copyOf(dropped);
        }
    }

    /** Which records remove; as pg_waldump calls them. */
    enum Cause {
        /** 13 (CLEAN) to 16: dead row versions, by VACUUM or a query that came by. */
        HEAP_PRUNE("Heap2/PRUNE"),
        HEAP_PRUNE_ON_ACCESS("Heap2/PRUNE_ON_ACCESS"),
        HEAP_PRUNE_VACUUM_SCAN("Heap2/PRUNE_VACUUM_SCAN"),
        HEAP_PRUNE_VACUUM_CLEANUP("Heap2/PRUNE_VACUUM_CLEANUP"),
        /** 13 only. */
        HEAP_CLEANUP_INFO("Heap2/CLEANUP_INFO"),
        /** 13 to 16; since 17 by HEAP_PRUNE_VACUUM_SCAN. */
        HEAP_FREEZE("Heap2/FREEZE_PAGE"),
        HEAP_VISIBLE("Heap2/VISIBLE"),
        BTREE_DELETE("Btree/DELETE"),
        BTREE_REUSE_PAGE("Btree/REUSE_PAGE"),
        HASH_VACUUM("Hash/VACUUM_ONE_PAGE"),
        GIST_DELETE("Gist/DELETE"),
        GIST_REUSE_PAGE("Gist/PAGE_REUSE"),
        SPGIST_VACUUM("SPGist/VACUUM_REDIRECT");

        private final String title;

        Cause(String title) {
            this.title = title;
        }

        public String title() {
            return title;
        }
    }
}
