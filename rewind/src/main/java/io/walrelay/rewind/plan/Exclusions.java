package io.walrelay.rewind.plan;

import io.walrelay.rewind.journal.LastRewind;
import java.util.List;
import java.util.Set;

/** Files that are never copied, and that the target loses: each server makes its own (pg_rewind: filemap.c, excludeFiles and excludeDirContents). */
final class Exclusions {

    private static final Set<String> NAMES = Set.of(
            "postgresql.auto.conf.tmp",
            "current_logfiles.tmp",
            "backup_label",
            "tablespace_map",
            "backup_manifest",
            "postmaster.opts",
            // What a rewind left on the source when it was a target itself.
            LastRewind.NAME);

    /** The cache of catalog relations is rebuilt at start; one being written has a process id after its name. */
    private static final String RELATION_CACHE = "pg_internal.init";

    /** Of temporary files and their directories. */
    private static final String TEMPORARY = "/pgsql_tmp";

    /** What is in them is removed or made anew when a server starts; summaries (17) are of the WAL that the server itself has seen. */
    private static final List<String> DIRECTORIES = List.of(
            "pg_stat_tmp/", "pg_replslot/", "pg_dynshmem/", "pg_notify/", "pg_serial/", "pg_snapshots/", "pg_subtrans/", "pg_wal/summaries/");

    private Exclusions() {}

    static boolean covers(String path) {
        String name = path.substring(path.lastIndexOf('/') + 1);
        return NAMES.contains(name)
                || name.startsWith(RELATION_CACHE)
                || path.contains(TEMPORARY)
                || DIRECTORIES.stream().anyMatch(path::startsWith);
    }
}
