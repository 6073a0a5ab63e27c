package io.walrelay.cache.verify;

import io.walrelay.cache.archive.ArchiveReader;
import io.walrelay.cache.archive.DamagedObjectException;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.format.PageHeader;
import io.walrelay.wal.format.WalVersion;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** How large a cluster's segments are, as those in an archive say themselves: file names don't. */
public final class ArchivedSize {

    /** More than one may be damaged. */
    private static final int SEGMENTS = 5;

    private ArchivedSize() {}

    /**
     * Empty when no segment says it.
     *
     * @throws IOException when the archive can't be asked
     */
    public static Optional<SegmentSize> find(ArchiveReader archive, SystemId system) throws IOException {
        for (String lineage : archive.lineages(system)) {
            if (ArchiveListing.timelineOf(lineage).isEmpty()) {
                continue;
            }
            List<String> segments = archive.someSegments(system, lineage);
            for (String key : segments.subList(0, Math.min(SEGMENTS, segments.size()))) {
                Optional<SegmentSize> size = read(archive, key);
                if (size.isPresent()) {
                    return size;
                }
            }
        }
        return Optional.empty();
    }

    private static Optional<SegmentSize> read(ArchiveReader archive, String key) throws IOException {
        Beginning beginning = new Beginning();
        try {
            archive.read(key, beginning);
        } catch (DamagedObjectException.WrongKeyException e) {
            throw new IOException("%s can't be read: %s".formatted(key, e.getMessage()), e);
        } catch (DamagedObjectException e) {
            return Optional.empty();
        }
        return beginning.size() < PageHeader.LONG_SIZE ? Optional.empty() : size(PageHeader.parse(beginning.toByteArray(), 0));
    }

    private static Optional<SegmentSize> size(PageHeader header) {
        try {
            return WalVersion.ofMagic(header.magic()).flatMap(_ -> header.identification()).map(id -> new SegmentSize(id.segmentSize()));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** Keeps the first page's header. */
    private static final class Beginning extends ByteArrayOutputStream {
        @Override
        public synchronized void write(byte[] bytes, int offset, int length) {
            super.write(bytes, offset, Math.min(length, Math.max(0, PageHeader.LONG_SIZE - size())));
        }
    }
}
