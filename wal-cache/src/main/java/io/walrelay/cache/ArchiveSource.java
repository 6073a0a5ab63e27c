package io.walrelay.cache;

import io.walrelay.cache.ArchivePlan.Place;
import io.walrelay.cache.archive.ObjectFormat.Plain;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.TimelineHistory;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * What is archived of a place, taken now: a name may be another file's by the time that it is read, since timeline numbers are taken twice.
 *
 * @param release to be called once it was read
 */
record ArchiveSource(Plain plain, Runnable release) {

    static ArchiveSource of(WalCache cache, Place place) throws IOException {
        int size = cache.segmentSize().bytes();
        return switch (place) {
            case Place.Own(var id) -> {
                SegmentFile file = cache.files().acquire(id);
                yield new ArchiveSource(() -> new FileStream(file::read, size, () -> {}), file::release);
            }
            case Place.Orphan(var orphan) -> new ArchiveSource(
                    () -> {
                        Storage.File file = cache.files().open(orphan);
                        return new FileStream(file::read, size, file);
                    },
                    () -> {});
            case Place.History(var lineage) -> new ArchiveSource(() -> new ByteArrayInputStream(historyText(cache, lineage)), () -> {});
        };
    }

    private static byte[] historyText(WalCache cache, TimelineHistory lineage) throws IOException {
        TimelineHistory now = cache.end().lineage();
        boolean own = now.contains(lineage.timeline()) && now.upTo(lineage.timeline()).equals(lineage);
        Optional<byte[]> asItCame = own ? cache.history(lineage.timeline()) : Optional.empty();
        return asItCame.orElseGet(() -> lineage.format().getBytes(StandardCharsets.UTF_8));
    }
}
