package io.walrelay.rewind.journal;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A change of names on a {@link FragileDisk}; a place is null in a making or a removal.
 *
 * @param unsynced directories that have to be synced before it is durable; the disk takes out those that were
 */
record NameChange(@Nullable Place from, @Nullable Place to, FragileNode node, Set<FragileNode> unsynced) {

    /** Where a name is: the directory that has or would have it. */
    record Place(FragileNode directory, String name) {
        @Nullable FragileNode node() {
            return directory.entries.get(name);
        }
    }

    static NameChange of(@Nullable Place from, @Nullable Place to, FragileNode node) {
        Set<FragileNode> unsynced = new HashSet<>();
        if (from != null) {
            unsynced.add(from.directory);
        }
        if (to != null) {
            unsynced.add(to.directory);
        }
        return new NameChange(from, to, node, unsynced);
    }

    void apply(Function<FragileNode, Map<String, FragileNode>> entries) {
        if (to != null) {
            entries.apply(to.directory).put(to.name, node);
        }
        if (from != null) {
            entries.apply(from.directory).remove(from.name, node);
        }
    }
}
