package io.walrelay.cache.lookup;

import io.walrelay.wal.Lsn;
import java.util.List;
import java.util.Optional;

/** What is to be done about a {@link WalQuery}. */
public sealed interface Answer {

    /** It depends on which lineages the archive has: find out and ask again. */
    record AskArchive() implements Answer {}

    /** The first of {@code places} that has the file has the right one; where none of them has, {@code otherwise} is proved. */
    record Look(List<Place> places, Missing otherwise) implements Answer {

        public Look {
            places = List.copyOf(places);
        }
    }

    /**
     * What was named is not on the lineage that may be shown, or more than one lineage has it.
     *
     * @param fork where the lineages part, as far as that is known
     * @param selectors what could be asked for instead
     */
    record NotOnLineage(String reason, Optional<Lsn> fork, List<String> selectors) implements Answer {

        public NotOnLineage {
            selectors = List.copyOf(selectors);
        }
    }

    /** Why there is no file. */
    sealed interface Missing {

        String reason();

        /** Nobody has it, and waiting changes nothing. */
        record Absent(String reason) implements Missing {}

        /** The relay's own next segments: it will come. */
        record NotYet(String reason) implements Missing {}
    }
}
