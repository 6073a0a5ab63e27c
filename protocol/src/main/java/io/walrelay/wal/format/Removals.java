package io.walrelay.wal.format;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.format.RecordBody.Cause;
import io.walrelay.wal.format.RecordBody.Removal;
import java.util.Optional;

/**
 * Reads the records that remove what queries on a standby may still see (PostgreSQL: heapam_xlog.h, nbtxlog.h, hash_xlog.h, gistxlog.h,
 * spgxlog.h; all the callers of ResolveRecoveryConflictWithSnapshot). Where the horizon lies:
 *
 * <pre>
 *   Heap2   0x10  13 CLEAN, 14 to 16 PRUNE: at 0.  Since 17 flags at 1, and at 2 if they say so
 *           0x20  13 FREEZE_PAGE: at 0, the one before.  14 to 16 VACUUM: none.  Since 17 as 0x10
 *           0x30  13 CLEANUP_INFO: relation at 0, horizon at 12.  14 and 15 FREEZE_PAGE: at 0, the one before, 16: at 0.  Since 17 as 0x10
 *           0x40  VISIBLE: at 0
 *   Btree   0x70  DELETE: at 0              0xD0  REUSE_PAGE: relation at 0, horizon at 16; with its epoch since 14
 *   Hash    0xC0  VACUUM_ONE_PAGE: at 0
 *   Gist    0x10  DELETE: at 0              0x20  PAGE_REUSE: relation at 0, horizon at 16 with its epoch
 *   SPGist  0x80  VACUUM_REDIRECT: at 4
 * </pre>
 *
 * Where the relation is not in the main data it is the first block's.
 */
final class Removals {

    private static final int KIND_BITS = 0xF0;
    private static final int HEAP2_KIND_BITS = 0x70;
    private static final int HEAP2_10 = 0x10;
    private static final int HEAP2_20 = 0x20;
    private static final int HEAP2_30 = 0x30;
    private static final int HEAP2_VISIBLE = 0x40;
    private static final int BTREE_DELETE = 0x70;
    private static final int BTREE_REUSE_PAGE = 0xD0;
    private static final int HASH_VACUUM_ONE_PAGE = 0xC0;
    private static final int GIST_DELETE = 0x10;
    private static final int GIST_PAGE_REUSE = 0x20;
    private static final int SPGIST_VACUUM_REDIRECT = 0x80;

    /** Since 17 (heapam_xlog.h, XLHP_HAS_CONFLICT_HORIZON). */
    private static final int PRUNE_HAS_HORIZON = 0x08;

    /** The identifier before the first normal one. */
    private static final int LAST = -1;

    private Removals() {}

    static boolean mayKnow(int resourceManager, int info) {
        int kind = info & KIND_BITS;
        return switch (resourceManager) {
            case ResourceManager.HEAP2_ID -> {
                int heap = info & HEAP2_KIND_BITS;
                yield heap >= HEAP2_10 && heap <= HEAP2_VISIBLE;
            }
            case ResourceManager.BTREE_ID -> kind == BTREE_DELETE || kind == BTREE_REUSE_PAGE;
            case ResourceManager.HASH_ID -> kind == HASH_VACUUM_ONE_PAGE;
            case ResourceManager.GIST_ID -> kind == GIST_DELETE || kind == GIST_PAGE_REUSE;
            case ResourceManager.SPGIST_ID -> kind == SPGIST_VACUUM_REDIRECT;
            default -> false;
        };
    }

    static Optional<Removal> of(WalRecord record) throws MalformedRecordException {
        int info = record.info();
        int kind = info & KIND_BITS;
        return switch (record.resourceManager()) {
            case ResourceManager.HEAP2_ID -> ofHeap2(record, info & HEAP2_KIND_BITS);
            case ResourceManager.BTREE_ID -> switch (kind) {
                case BTREE_DELETE -> ofBlock(record, Cause.BTREE_DELETE, record.mainInt(0));
                case BTREE_REUSE_PAGE -> record.version().major() == 13
                        ? some(Cause.BTREE_REUSE_PAGE, record.mainRelation(0), record.mainInt(16))
                        : ofPage(record, Cause.BTREE_REUSE_PAGE);
                default -> Optional.empty();
            };
            case ResourceManager.HASH_ID -> kind == HASH_VACUUM_ONE_PAGE ? ofBlock(record, Cause.HASH_VACUUM, record.mainInt(0)) : Optional.empty();
            case ResourceManager.GIST_ID -> switch (kind) {
                case GIST_DELETE -> ofBlock(record, Cause.GIST_DELETE, record.mainInt(0));
                case GIST_PAGE_REUSE -> ofPage(record, Cause.GIST_REUSE_PAGE);
                default -> Optional.empty();
            };
            case ResourceManager.SPGIST_ID -> kind == SPGIST_VACUUM_REDIRECT ? ofBlock(record, Cause.SPGIST_VACUUM, record.mainInt(4)) : Optional.empty();
            default -> Optional.empty();
        };
    }

    private static Optional<Removal> ofHeap2(WalRecord record, int kind) throws MalformedRecordException {
        if (kind == HEAP2_VISIBLE) {
            return ofBlock(record, Cause.HEAP_VISIBLE, record.mainInt(0));
        }
        return switch (record.version()) {
            case V13 -> switch (kind) {
                case HEAP2_10 -> ofBlock(record, Cause.HEAP_PRUNE, record.mainInt(0));
                case HEAP2_20 -> ofBlock(record, Cause.HEAP_FREEZE, before(record.mainInt(0)));
                case HEAP2_30 -> some(Cause.HEAP_CLEANUP_INFO, record.mainRelation(0), record.mainInt(RelationFile.SIZE));
                default -> Optional.empty();
            };
            case V14, V15, V16 -> switch (kind) {
                case HEAP2_10 -> ofBlock(record, Cause.HEAP_PRUNE, record.mainInt(0));
                case HEAP2_30 -> ofBlock(record, Cause.HEAP_FREEZE, record.version() == WalVersion.V16 ? record.mainInt(0) : before(record.mainInt(0)));
                default -> Optional.empty();
            };
            case V17, V18 -> switch (kind) {
                case HEAP2_10 -> ofPruneOrFreeze(record, Cause.HEAP_PRUNE_ON_ACCESS);
                case HEAP2_20 -> ofPruneOrFreeze(record, Cause.HEAP_PRUNE_VACUUM_SCAN);
                case HEAP2_30 -> ofPruneOrFreeze(record, Cause.HEAP_PRUNE_VACUUM_CLEANUP);
                default -> Optional.empty();
            };
        };
    }

    private static Optional<Removal> ofPruneOrFreeze(WalRecord record, Cause cause) throws MalformedRecordException {
        boolean horizon = (record.mainByte(1) & PRUNE_HAS_HORIZON) != 0;
        return horizon ? ofBlock(record, cause, record.mainInt(2)) : Optional.empty();
    }

    /** A page is used for something else. */
    private static Optional<Removal> ofPage(WalRecord record, Cause cause) throws MalformedRecordException {
        FullTransactionId full = new FullTransactionId(record.mainLong(16));
        return some(cause, record.mainRelation(0), full.xid()).map(removal -> new Removal(cause, removal.relation(), removal.xid(), Optional.of(full)));
    }

    private static Optional<Removal> ofBlock(WalRecord record, Cause cause, int xid) throws MalformedRecordException {
        if (record.blockCount() == 0) {
            throw record.malformed(cause.title() + " refers to no block");
        }
        return some(cause, record.firstRelation(), xid);
    }

    private static Optional<Removal> some(Cause cause, RelationFile relation, int xid) {
        return FullTransactionId.isNormal(xid) ? Optional.of(new Removal(cause, relation, xid, Optional.empty())) : Optional.empty();
    }

    /** The normal identifier before a normal one (transam.h, TransactionIdRetreat). */
    private static int before(int xid) {
        if (!FullTransactionId.isNormal(xid)) {
            return xid;
        }
        return FullTransactionId.isNormal(xid - 1) ? xid - 1 : LAST;
    }
}
