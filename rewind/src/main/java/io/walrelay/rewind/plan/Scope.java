package io.walrelay.rewind.plan;

import java.util.Set;

/**
 * Which files a rewind is about.
 *
 * @param copiesWal whether pg_wal comes from the source; else the rewound server streams it
 * @param needsWalBeforeFork whether a server that streams needs what lies between replay start and fork in its pg_wal
 * @param configuration whether what is not PostgreSQL's own comes from the source as well: configuration files, certificates
 */
public record Scope(boolean copiesWal, boolean needsWalBeforeFork, boolean configuration) {

    /** As pg_rewind. */
    public static final Scope ALL = new Scope(true, true, true);

    /** Before this version a server asks for its first WAL on the timeline of its control file, where what lies before the fork never was. */
    public static final int STREAMS_FROM_REDO = 15;

    /** What initdb makes, and PostgreSQL writes. */
    private static final Set<String> OWN = Set.of(
            "base",
            "global",
            "pg_commit_ts",
            "pg_dynshmem",
            "pg_logical",
            "pg_multixact",
            "pg_notify",
            "pg_replslot",
            "pg_serial",
            "pg_snapshots",
            "pg_stat",
            "pg_stat_tmp",
            "pg_subtrans",
            "pg_tblspc",
            "pg_twophase",
            "pg_wal",
            "pg_xact");

    /** Whether {@code path} is PostgreSQL's own. */
    static boolean isData(String path) {
        int slash = path.indexOf('/');
        return OWN.contains(slash < 0 ? path : path.substring(0, slash));
    }
}
