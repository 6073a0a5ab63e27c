package io.walrelay.cache.verify;

import io.walrelay.cache.archive.ArchiveReader;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** All files that are kept of a cluster, by lineage. Filled by one thread, then only read. */
final class Inventory {

    private final SystemId system;
    private final SegmentSize size;
    private final Map<String, LineageFiles> lineages = new LinkedHashMap<>();

    Inventory(SystemId system, SegmentSize size) {
        this.system = system;
        this.size = size;
    }

    SystemId system() {
        return system;
    }

    SegmentSize size() {
        return size;
    }

    void add(StoredFile file) {
        filesOf(file.lineage()).add(file);
    }

    /** What there is of a lineage's own timeline; nothing, if there is nothing. */
    LineageFiles filesOf(TimelineHistory lineage) {
        return lineages.computeIfAbsent(lineage.id(), _ -> new LineageFiles(lineage, name -> archived(lineage, name)));
    }

    /** A file as the archive has it under its own key. */
    StoredFile archived(TimelineHistory lineage, WalFileName name) {
        return new StoredFile(Tier.ARCHIVE, ArchiveReader.key(system, new ArchivedName(lineage, name, size)), lineage, name, false);
    }

    Collection<LineageFiles> lineages() {
        return List.copyOf(lineages.values());
    }

    /** The newest lineage: of those with the highest timeline the one that reaches furthest. */
    TimelineHistory newest() {
        return lineages.values().stream()
                .max(Comparator.comparing((LineageFiles files) -> files.lineage().timeline()).thenComparingLong(files -> files.last().orElse(-1)))
                .map(LineageFiles::lineage)
                .orElseThrow(() -> new IllegalStateException("nothing is kept"));
    }

    boolean isEmpty() {
        return lineages.values().stream().allMatch(files -> files.count() == 0);
    }

    /** Segments and other files. */
    long count() {
        return lineages.values().stream().mapToLong(LineageFiles::count).sum();
    }
}
