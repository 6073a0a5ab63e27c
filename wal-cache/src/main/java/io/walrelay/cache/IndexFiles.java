package io.walrelay.cache;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The change index on the disk: beside each whole segment a file of its name and {@code .changes}, which goes where the segment goes. It can be
 * made again from the segment, so nobody waits for the disk, and a file that is damaged is one that is not there. Thread-safe.
 */
final class IndexFiles {

    private static final Logger log = LoggerFactory.getLogger(IndexFiles.class);
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WRCHANGE", 2);
    private static final String SUFFIX = ".changes";

    private final Storage storage;
    private final DurableFiles files;
    private final SegmentSize size;

    /** Those that there are, with their bytes. */
    private final Map<String, Long> present = new ConcurrentHashMap<>();

    IndexFiles(Storage storage, SegmentSize size) {
        this.storage = storage;
        this.files = new DurableFiles(storage);
        this.size = size;
    }

    /** The segment whose index a file of that name would be. */
    Optional<SegmentId> segmentOf(String fileName) {
        return segmentOf(fileName, size);
    }

    static Optional<SegmentId> segmentOf(String fileName, SegmentSize size) {
        return fileName.endsWith(SUFFIX)
                ? WalFileName.parse(fileName.substring(0, fileName.length() - SUFFIX.length()), size)
                        .flatMap(name -> name instanceof WalFileName.Segment(var id) ? Optional.of(id) : Optional.empty())
                : Optional.empty();
    }

    /** Takes over what an earlier run left, if its segment is {@code whole}; what another version wrote is made anew. */
    void found(String directory, SegmentId id, boolean whole) throws IOException {
        String path = path(directory, id);
        if (whole && files.beginsAs(path, FORMAT)) {
            try (Storage.File file = storage.open(path)) {
                present.put(path, file.size());
            }
        } else {
            storage.delete(path);
        }
    }

    boolean has(String directory, SegmentId id) {
        return present.containsKey(path(directory, id));
    }

    /** Bytes that all of them take. */
    long bytes() {
        return present.values().stream().mapToLong(Long::longValue).sum();
    }

    synchronized void write(String directory, SegmentId id, byte[] body) throws IOException {
        String path = path(directory, id);
        files.writeUnsynced(path, FORMAT, body);
        present.put(path, (long) body.length);
    }

    /** Empty when there is none, or none that can be used; it can be made anew then. */
    synchronized Optional<byte[]> read(String directory, SegmentId id) throws IOException {
        if (!has(directory, id)) {
            return Optional.empty();
        }
        try {
            return files.read(path(directory, id), FORMAT);
        } catch (DurableFiles.DamagedFileException e) {
            log.info("a change index will be made anew: {}", e.getMessage());
            delete(directory, id);
            return Optional.empty();
        }
    }

    synchronized void delete(String directory, SegmentId id) throws IOException {
        String path = path(directory, id);
        if (present.remove(path) != null) {
            storage.delete(path);
        }
    }

    synchronized void move(String from, String to, SegmentId id) throws IOException {
        Long bytes = present.remove(path(from, id));
        if (bytes != null) {
            storage.rename(path(from, id), path(to, id));
            present.put(path(to, id), bytes);
        }
    }

    private String path(String directory, SegmentId id) {
        return directory + "/" + new WalFileName.Segment(id).fileName(size) + SUFFIX;
    }
}
