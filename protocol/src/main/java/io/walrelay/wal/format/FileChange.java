package io.walrelay.wal.format;

import java.util.List;

/**
 * What a record changes in data files without referring to blocks, so that a list of the blocks that the log changes does not have it
 * (PostgreSQL: the redo functions of the resource managers; pg_rewind's extractPageInfo).
 *
 * <p>Two things are left out, because replay does them all the time and no record says so by itself. The free space map is changed by replay of
 * heap records (XLogRecordPageWithFreeSpace). Bits of the visibility map are cleared where a heap record's flags say so, at 0x01 and, for an
 * update's new page, 0x02 (heapam_xlog.h, XLH_INSERT_ALL_VISIBLE_CLEARED and its like); they are set by reference. So of these two forks the
 * blocks that records refer to are never all that is changed; of the main fork and the init fork they are, with what is here and with the
 * relations that a {@link RecordBody.TransactionEnd} drops.
 *
 * <p>OIDs and file numbers are 32 bits unsigned. What changes transactions' status, multixacts and the like is kept in small files of their
 * own and is not here either: those are copied whole by whoever copies anything.
 */
public sealed interface FileChange extends RecordBody {

    /**
     * A database's directory is made as a copy of another's files: replay reads every block of that one, whatever it is then (dbcommands.c,
     * dbase_redo). CREATE DATABASE on 13 and 14, with STRATEGY file_copy since 15; ALTER DATABASE SET TABLESPACE.
     */
    record DatabaseCopied(int tablespace, int database, int fromTablespace, int fromDatabase) implements FileChange {}

    /** A database's directory is made; since 15, and what is in it follows block by block. */
    record DatabaseCreated(int tablespace, int database) implements FileChange {}

    /** A database's directories are removed. */
    record DatabaseDropped(int database, List<Integer> tablespaces) implements FileChange {

        public DatabaseDropped {
            tablespaces = List.copyOf(tablespaces);
        }
    }

    /** @param location where its link leads to; empty for one that lies in pg_tblspc itself (allow_in_place_tablespaces) */
    record TablespaceCreated(int tablespace, String location) implements FileChange {}

    record TablespaceDropped(int tablespace) implements FileChange {}

    /** @param fork as a block reference's */
    record RelationCreated(RelationFile relation, int fork) implements FileChange {}

    /**
     * Forks of a relation are cut off (storage.c, smgr_redo).
     *
     * @param blocks how many of the main fork are left; those of the other forks follow from it
     */
    record RelationTruncated(RelationFile relation, int blocks, boolean main, boolean visibilityMap, boolean freeSpaceMap) implements FileChange {}

    /** A pg_filenode.map is written. {@code database}: 0 for the one of shared relations. */
    record RelationMapUpdated(int tablespace, int database) implements FileChange {}

    /** Nobody here knows what such a record changes: an extension's, or one that says that it changes a relation's file in a way of its own. */
    record Unknown(int resourceManager, int info) implements FileChange {

        /** xlogrecord.h, XLR_SPECIAL_REL_UPDATE: files change in a way that no block reference tells. */
        static final int SPECIAL_UPDATE = 0x01;

        /** Whether its references are not all that it changes in relations' files. */
        public boolean isSpecialUpdate() {
            return (info & SPECIAL_UPDATE) != 0;
        }
    }
}
