package io.walrelay.cache;

import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.storage.Storage;
import java.util.Optional;

/**
 * Where a relay's WAL can lie beside its memory.
 *
 * @param disk the data directory
 * @param archive where WAL goes that is whole, and comes from that is not on the disk any more
 */
public record Tiers(Storage disk, CacheSettings settings, Optional<ArchiveTier> archive) {

    /** The local disk alone. */
    public static Tiers local(Storage disk, CacheSettings settings) {
        return new Tiers(disk, settings, Optional.empty());
    }
}
