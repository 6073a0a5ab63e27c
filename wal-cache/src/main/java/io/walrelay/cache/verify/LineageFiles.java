package io.walrelay.cache.verify;

import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.NavigableMap;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Function;

/** The files of a lineage that bear its own timeline's number, in all tiers. Filled by one thread, then only read. */
final class LineageFiles {

    /** Whole before partial, the local disk before the archive, what was put beside last. */
    private static final Comparator<StoredFile> PREFERENCE =
            Comparator.comparing(StoredFile::beside).thenComparing(file -> !file.isWhole()).thenComparing(StoredFile::tier).thenComparing(StoredFile::path);

    private final TimelineHistory lineage;
    private final Function<WalFileName, StoredFile> archived;
    private final SegmentNumbers wholeInArchive = new SegmentNumbers();
    private final NavigableMap<Long, List<StoredFile>> others = new TreeMap<>();
    private final List<StoredFile> apart = new ArrayList<>();

    /** @param archived the file that the archive has under a name of this lineage */
    LineageFiles(TimelineHistory lineage, Function<WalFileName, StoredFile> archived) {
        this.lineage = lineage;
        this.archived = archived;
    }

    TimelineHistory lineage() {
        return lineage;
    }

    void add(StoredFile file) {
        if (file.tier() == Tier.ARCHIVE && file.isWhole() && !file.beside()) {
            wholeInArchive.add(file.segment().orElseThrow().number());
        } else if (file.segment().isPresent()) {
            others.computeIfAbsent(file.segment().get().number(), _ -> new ArrayList<>()).add(file);
        } else {
            apart.add(file);
        }
    }

    /** All files that have bytes of a segment, the one first that is to be believed first. */
    List<StoredFile> of(long number) {
        List<StoredFile> files = new ArrayList<>(others.getOrDefault(number, List.of()));
        if (wholeInArchive.contains(number)) {
            files.add(archived.apply(new WalFileName.Segment(new SegmentId(lineage.timeline(), number))));
        }
        files.sort(PREFERENCE);
        return files;
    }

    boolean hasWhole(long number, Tier tier) {
        return of(number).stream().anyMatch(file -> file.tier() == tier && file.isWhole() && !file.beside());
    }

    /** Histories and whatever else is no segment. */
    List<StoredFile> apart() {
        return List.copyOf(apart);
    }

    List<StoredFile> wholeOnDisk() {
        return others.values().stream().flatMap(List::stream).filter(file -> file.tier() == Tier.DISK && file.isWhole()).toList();
    }

    /** The first segment at or after {@code number} that something is there of. */
    OptionalLong atLeast(long number) {
        OptionalLong archive = wholeInArchive.atLeast(number);
        Long other = others.ceilingKey(number);
        if (other == null) {
            return archive;
        }
        return OptionalLong.of(Math.min(other, archive.orElse(other)));
    }

    /** The last segment that something is there of. */
    OptionalLong last() {
        OptionalLong archive = wholeInArchive.last();
        if (others.isEmpty()) {
            return archive;
        }
        return OptionalLong.of(Math.max(others.lastKey(), archive.orElse(others.lastKey())));
    }

    long count() {
        return wholeInArchive.count() + others.values().stream().mapToLong(List::size).sum() + apart.size();
    }
}
