package io.walrelay.wal.format;

import java.util.Optional;

/** PostgreSQL's resource managers, by their number (rmgrlist.h); a record's is 8 bits, and extensions have those from 128 on. The same from 13 to 18. */
public enum ResourceManager {
    XLOG("XLOG"),
    XACT("Transaction"),
    SMGR("Storage"),
    CLOG("CLOG"),
    DBASE("Database"),
    TBLSPC("Tablespace"),
    MULTIXACT("MultiXact"),
    RELMAP("RelMap"),
    STANDBY("Standby"),
    HEAP2("Heap2"),
    HEAP("Heap"),
    BTREE("Btree"),
    HASH("Hash"),
    GIN("Gin"),
    GIST("Gist"),
    SEQ("Sequence"),
    SPGIST("SPGist"),
    BRIN("BRIN"),
    COMMIT_TS("CommitTs"),
    REPLORIGIN("ReplicationOrigin"),
    GENERIC("Generic"),
    LOGICALMSG("LogicalMessage");

    // For switches, which want constants.
    static final int XLOG_ID = 0;
    static final int XACT_ID = 1;
    static final int SMGR_ID = 2;
    static final int DBASE_ID = 4;
    static final int TBLSPC_ID = 5;
    static final int RELMAP_ID = 7;
    static final int STANDBY_ID = 8;
    static final int HEAP2_ID = 9;
    static final int BTREE_ID = 11;
    static final int HASH_ID = 12;
    static final int GIST_ID = 14;
    static final int SPGIST_ID = 16;

    /** PostgreSQL's own have no greater number. */
    static final int LAST_ID = 21;

    private static final ResourceManager[] ALL = values();

    private final String title;

    ResourceManager(String title) {
        this.title = title;
    }

    /** Empty for an extension's. */
    public static Optional<ResourceManager> of(int id) {
        return id >= 0 && id < ALL.length ? Optional.of(ALL[id]) : Optional.empty();
    }

    /** The title, or for an extension's its number as pg_waldump has it. */
    public static String titleOf(int id) {
        return of(id).map(ResourceManager::title).orElse("custom%03d".formatted(id));
    }

    /** As pg_waldump calls it. */
    public String title() {
        return title;
    }
}
