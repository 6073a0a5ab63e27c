package io.walrelay.wal.format;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads what records change in files without references (PostgreSQL: storage_xlog.h, dbcommands_xlog.h, tablespace.h, relmapper.h):
 *
 * <pre>
 *   Storage     0x10  CREATE: relation at 0, fork at 12
 *               0x20  TRUNCATE: blocks at 0, relation at 4, flags at 16
 *   Database    0x00  CREATE, since 15 CREATE_FILE_COPY: database, tablespace, source's database, source's tablespace
 *               0x10  since 15 CREATE_WAL_LOG: database, tablespace.  13 and 14: DROP
 *               0x20  since 15 DROP: database, number of tablespaces, tablespaces
 *   Tablespace  0x00  CREATE: tablespace, location        0x10  DROP: tablespace
 *   RelMap      0x00  UPDATE: database, tablespace
 * </pre>
 */
final class FileChanges {

    private static final int KIND_BITS = 0xF0;

    private static final int SMGR_CREATE = 0x10;
    private static final int SMGR_TRUNCATE = 0x20;
    private static final int TRUNCATE_MAIN = 0x01;
    private static final int TRUNCATE_VISIBILITY_MAP = 0x02;
    private static final int TRUNCATE_FREE_SPACE_MAP = 0x04;

    private static final int DATABASE_COPY = 0x00;
    private static final int DATABASE_10 = 0x10;
    private static final int DATABASE_DROP = 0x20;

    private static final int TABLESPACE_CREATE = 0x00;
    private static final int TABLESPACE_DROP = 0x10;

    private static final int RELATION_MAP_UPDATE = 0x00;

    private FileChanges() {}

    static boolean mayKnow(int resourceManager, int info) {
        return switch (resourceManager) {
            case ResourceManager.SMGR_ID, ResourceManager.DBASE_ID, ResourceManager.TBLSPC_ID, ResourceManager.RELMAP_ID -> true;
            default -> isUnknown(resourceManager, info);
        };
    }

    private static boolean isUnknown(int resourceManager, int info) {
        return resourceManager > ResourceManager.LAST_ID || (info & FileChange.Unknown.SPECIAL_UPDATE) != 0;
    }

    static Optional<FileChange> of(WalRecord record) throws MalformedRecordException {
        int info = record.info();
        int kind = info & KIND_BITS;
        int manager = record.resourceManager();
        return switch (manager) {
            case ResourceManager.SMGR_ID -> Optional.of(ofStorage(record, kind));
            case ResourceManager.DBASE_ID -> Optional.of(ofDatabase(record, kind));
            case ResourceManager.TBLSPC_ID -> Optional.of(ofTablespace(record, kind));
            case ResourceManager.RELMAP_ID ->
                    Optional.of(kind == RELATION_MAP_UPDATE ? new FileChange.RelationMapUpdated(record.mainInt(4), record.mainInt(0)) : unknown(record));
            default -> isUnknown(manager, info) ? Optional.of(unknown(record)) : Optional.empty();
        };
    }

    private static FileChange unknown(WalRecord record) {
        return new FileChange.Unknown(record.resourceManager(), record.info());
    }

    private static FileChange ofStorage(WalRecord record, int kind) throws MalformedRecordException {
        return switch (kind) {
            case SMGR_CREATE -> {
                int fork = record.mainInt(RelationFile.SIZE);
                if (fork < 0 || fork > WalRecord.MAX_FORK) {
                    throw record.malformed("fork %d is created; expected 0 to %d".formatted(fork, WalRecord.MAX_FORK));
                }
                yield new FileChange.RelationCreated(record.mainRelation(0), fork);
            }
            case SMGR_TRUNCATE -> {
                int flags = record.mainInt(16);
                yield new FileChange.RelationTruncated(
                        record.mainRelation(4),
                        record.mainInt(0),
                        (flags & TRUNCATE_MAIN) != 0,
                        (flags & TRUNCATE_VISIBILITY_MAP) != 0,
                        (flags & TRUNCATE_FREE_SPACE_MAP) != 0);
            }
            default -> unknown(record);
        };
    }

    private static FileChange ofDatabase(WalRecord record, int kind) throws MalformedRecordException {
        boolean byBlocks = record.version().major() >= 15;
        return switch (kind) {
            case DATABASE_COPY -> new FileChange.DatabaseCopied(record.mainInt(4), record.mainInt(0), record.mainInt(12), record.mainInt(8));
            case DATABASE_10 -> byBlocks ? new FileChange.DatabaseCreated(record.mainInt(4), record.mainInt(0)) : databaseDropped(record);
            case DATABASE_DROP -> byBlocks ? databaseDropped(record) : unknown(record);
            default -> unknown(record);
        };
    }

    private static FileChange databaseDropped(WalRecord record) throws MalformedRecordException {
        int count = record.mainCount(4, Integer.BYTES);
        List<Integer> tablespaces = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            tablespaces.add(record.mainInt(8 + i * Integer.BYTES));
        }
        return new FileChange.DatabaseDropped(record.mainInt(0), tablespaces);
    }

    private static FileChange ofTablespace(WalRecord record, int kind) throws MalformedRecordException {
        return switch (kind) {
            case TABLESPACE_CREATE -> new FileChange.TablespaceCreated(record.mainInt(0), location(record));
            case TABLESPACE_DROP -> new FileChange.TablespaceDropped(record.mainInt(0));
            default -> unknown(record);
        };
    }

    /** A name of the file system of the server, ended by a zero. */
    private static String location(WalRecord record) throws MalformedRecordException {
        ByteBuffer data = record.mainData();
        for (int end = Integer.BYTES; end < data.limit(); end++) {
            if (data.get(end) == 0) {
                return StandardCharsets.UTF_8.decode(data.slice(Integer.BYTES, end - Integer.BYTES)).toString();
            }
        }
        throw record.malformed("a tablespace's location has no end");
    }
}
