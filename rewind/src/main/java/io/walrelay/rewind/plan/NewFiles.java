package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.RelationPath;
import io.walrelay.wal.format.BlockReference;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.RelationFile;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Files of main forks that were made anew, in whole or from some block on, so that references to their blocks don't tell all that is in them:
 * a database that is copied as files was changed under another path before; a relation's file was made anew under a number that had been in
 * use; and one that was cut off and has grown again may have got pages that no record names (PostgreSQL: hio.c, RelationAddBlocks). Both
 * servers may have such a file under one path and of one size. Filled by one thread.
 */
final class NewFiles {

    /** A database's files in one tablespace. */
    private record Place(int tablespace, int database) {}

    private final Set<Integer> tablespaces = new HashSet<>();
    private final Set<Place> databases = new HashSet<>();

    /** The first block that is new, unsigned. */
    private final Map<RelationFile, Long> relations = new HashMap<>();

    void note(FileChange change) {
        switch (change) {
            case FileChange.DatabaseCopied(var tablespace, var database, _, _) -> databases.add(new Place(tablespace, database));
            case FileChange.DatabaseCreated(var tablespace, var database) -> databases.add(new Place(tablespace, database));
            case FileChange.TablespaceCreated(var tablespace, _) -> tablespaces.add(tablespace);
            case FileChange.RelationCreated(var relation, var fork) when fork == BlockReference.MAIN_FORK -> relations.put(relation, 0L);
            case FileChange.RelationTruncated(var relation, var blocks, var main, _, _) when main ->
                relations.merge(relation, Integer.toUnsignedLong(blocks), Math::min);
            // What is gone is gone, and other forks and the maps are copied whole in any case; of unknown records nothing is known.
            case FileChange.RelationCreated _, FileChange.RelationTruncated _, FileChange.DatabaseDropped _, FileChange.TablespaceDropped _, FileChange.RelationMapUpdated _,
                    FileChange.Unknown _ -> {}
        }
    }

    /** The first block that is new, counted from the relation's beginning; empty when none is. */
    OptionalLong from(RelationPath path) {
        RelationFile relation = path.relation();
        if (tablespaces.contains(relation.tablespace()) || databases.contains(new Place(relation.tablespace(), relation.database()))) {
            return OptionalLong.of(0);
        }
        Long first = relations.get(relation);
        return first == null ? OptionalLong.empty() : OptionalLong.of(first);
    }
}
