package io.walrelay.cache.slot;

import io.walrelay.wal.Lsn;
import java.util.Optional;

/**
 * From where on WAL of the relay's lineage is held without a gap, by tier.
 *
 * @param oldest on the disk
 * @param end of what is written
 * @param archivedFrom in the archive, with what the disk has yet to put there; empty when there is no archive, or it is not known what that has and keeps
 * @param archiveUnknown whether there is an archive of which it is not known what it has and keeps
 */
public record Reach(Lsn oldest, Lsn end, Optional<Lsn> archivedFrom, boolean archiveUnknown) {

    boolean isOnDisk(Lsn from) {
        return from.isAtLeast(oldest);
    }

    boolean isArchived(Lsn from) {
        return archivedFrom.filter(from::isAtLeast).isPresent();
    }

    /** In any tier, as far as is known. */
    Lsn oldestOfAll() {
        return archivedFrom.map(archived -> Lsn.min(archived, oldest)).orElse(oldest);
    }

    /** Bytes from {@code from} to the end; never negative. */
    long past(Lsn from) {
        return Math.max(end.minus(from), 0);
    }
}
