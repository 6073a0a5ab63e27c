package io.walrelay.proxy.http;

import io.walrelay.cache.CacheArchive;
import io.walrelay.cache.TierReads;
import io.walrelay.cache.WalCache;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A row of the answer of {@code /api/v1/tiers}, the nearest first. Sizes are bytes.
 *
 * @param from where it begins; null for memory, which ends where the disk does
 * @param bytes that it holds; null for the archive
 * @param limitBytes that it may hold; null for the archive
 * @param readBytes WAL that standbys' streams have read from it since the start
 * @param fetches of segments, for the archive: what was asked for and had to be fetched
 * @param fetchHits what was asked for and had been fetched already
 */
public record TierReport(
        String tier,
        Optional<String> from,
        Optional<String> to,
        Optional<Long> bytes,
        Optional<Long> limitBytes,
        long readBytes,
        Optional<Long> fetches,
        Optional<Long> fetchHits) {

    static List<TierReport> of(WalCache cache) {
        List<TierReport> tiers = new ArrayList<>();
        TierReads.Bytes read = cache.reads().bytes();
        Optional<String> end = Optional.of(cache.end().written().toString());
        tiers.add(own("memory", Optional.empty(), end, cache.memoryBytes(), cache.settings().memory(), read.memory()));
        tiers.add(own("disk", Optional.of(cache.oldest().toString()), end, cache.diskBytes(), cache.settings().disk(), read.disk()));
        cache.archive().ifPresent(archive -> tiers.add(archive(archive, read.archive())));
        return tiers;
    }

    private static TierReport own(String name, Optional<String> from, Optional<String> to, long bytes, long limit, long read) {
        return new TierReport(name, from, to, Optional.of(bytes), Optional.of(limit), read, Optional.empty(), Optional.empty());
    }

    private static TierReport archive(CacheArchive archive, long read) {
        return new TierReport(
                "archive",
                archive.archiving().flatMap(archiver -> Reports.position(archiver.status().from())),
                archive.archiving().flatMap(archiver -> Reports.position(archiver.status().archived())),
                Optional.empty(),
                Optional.empty(),
                read,
                Optional.of(archive.fetched().fetched()),
                Optional.of(archive.fetched().kept()));
    }
}
