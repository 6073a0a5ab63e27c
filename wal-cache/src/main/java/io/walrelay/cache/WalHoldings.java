package io.walrelay.cache;

import io.walrelay.cache.WalFile.Tier;
import io.walrelay.cache.archive.Archive;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What is held, as ranges per lineage and tier. The archive is listed now and then only. Thread-safe; may block. */
public final class WalHoldings {

    private static final long LISTED_NANOS = Duration.ofSeconds(10).toNanos();

    /** Of one lineage: more are not listed. With segments of 16 MB that is 3 TB. */
    private static final int MOST_LISTED = 200_000;

    /**
     * Segments without a hole between them.
     *
     * @param to where their WAL ends, which is inside of the last when that is not whole
     * @param bytes that they take
     */
    public record Range(SegmentId first, SegmentId last, Lsn from, Lsn to, int files, long bytes) {}

    /**
     * @param lineage its id, or in the archive the name of its directory when no history says what it is
     * @param whole whether {@code ranges} is all that there is
     */
    public record Held(String lineage, boolean own, Tier tier, List<Range> ranges, boolean whole) {}

    /**
     * @param memory from where on WAL is in memory, up to {@code written}
     * @param archiveProblem why nothing is said about the archive
     */
    public record Snapshot(TimelineHistory own, Lsn memory, Lsn written, List<Held> held, Optional<String> archiveProblem) {}

    private record Piece(SegmentId id, Lsn to, long bytes) {}

    private record Listing(List<Held> held, Optional<String> problem) {}

    private final WalCache cache;
    private final SegmentSize size;
    private Listing listing = new Listing(List.of(), Optional.empty());
    private long listedAt;
    private boolean listed;

    public WalHoldings(WalCache cache) {
        this.cache = cache;
        this.size = cache.segmentSize();
    }

    public Snapshot look() {
        EndOfWal end = cache.end();
        List<Held> held = new ArrayList<>(onDisk(end));
        Listing archived = cache.archived().map(archive -> archived(archive, end.lineage())).orElse(new Listing(List.of(), Optional.empty()));
        held.addAll(archived.held);
        return new Snapshot(end.lineage(), cache.tail().from(), end.written(), List.copyOf(held), archived.problem);
    }

    private List<Held> onDisk(EndOfWal end) {
        Map<String, List<Piece>> own = new LinkedHashMap<>();
        for (SegmentFiles.Held file : cache.files().all()) {
            if (end.lineage().contains(file.id().timeline())) {
                Lsn all = end.lineage().switchPointOf(file.id().timeline()).orElse(end.written());
                Lsn to = file.whole() ? file.id().end(size) : cache.gapAfter(file.id().start(size), all);
                own.computeIfAbsent(end.lineage().upTo(file.id().timeline()).id(), _ -> new ArrayList<>()).add(new Piece(file.id(), to, size.bytes()));
            }
        }
        List<Held> held = new ArrayList<>();
        own.forEach((lineage, pieces) -> held.add(new Held(lineage, true, Tier.DISK, ranges(pieces), true)));
        Map<String, List<Piece>> orphaned = new LinkedHashMap<>();
        for (SegmentFiles.Orphaned file : cache.files().orphaned()) {
            cache.orphans().stream().filter(o -> SegmentFiles.orphanDirectory(o.lineage()).equals(file.directory())).findFirst().ifPresent(orphan -> {
                Lsn all = orphan.lineage().switchPointOf(file.held().id().timeline()).orElse(orphan.end());
                Lsn to = file.held().whole() ? file.held().id().end(size) : all;
                String lineage = orphan.lineage().upTo(file.held().id().timeline()).id();
                orphaned.computeIfAbsent(lineage, _ -> new ArrayList<>()).add(new Piece(file.held().id(), to, size.bytes()));
            });
        }
        orphaned.forEach((lineage, pieces) -> held.add(new Held(lineage, false, Tier.DISK, ranges(pieces), true)));
        return held;
    }

    private synchronized Listing archived(ArchivedWal archive, TimelineHistory own) {
        if (!listed || System.nanoTime() - listedAt > LISTED_NANOS) {
            try {
                listing = new Listing(list(archive.archive(), own), Optional.empty());
            } catch (IOException e) {
                listing = new Listing(List.of(), Optional.of(String.valueOf(e.getMessage())));
            }
            listedAt = System.nanoTime();
            listed = true;
        }
        return listing;
    }

    private List<Held> list(Archive archive, TimelineHistory own) throws IOException {
        List<Held> held = new ArrayList<>();
        for (String directory : archive.lineages()) {
            Optional<TimelineHistory> lineage = archive.lineage(directory);
            List<Piece> pieces = new ArrayList<>();
            int[] more = {0};
            archive.list(directory, object -> {
                String name = object.key().substring(object.key().lastIndexOf('/') + 1);
                piece(name, object.bytes()).ifPresent(piece -> {
                    if (pieces.size() < MOST_LISTED) {
                        pieces.add(piece);
                    } else {
                        more[0]++;
                    }
                });
            });
            boolean ours = lineage.filter(l -> own.contains(l.timeline()) && own.upTo(l.timeline()).id().equals(l.id())).isPresent();
            held.add(new Held(lineage.map(TimelineHistory::id).orElse(directory), ours, Tier.ARCHIVE, ranges(pieces), more[0] == 0));
        }
        return held;
    }

    private Optional<Piece> piece(String name, long bytes) {
        return WalFileName.parse(name, size).flatMap(file -> switch (file) {
            case WalFileName.Segment(var id) -> Optional.of(new Piece(id, id.end(size), bytes));
            case WalFileName.Partial _, WalFileName.History _, WalFileName.Backup _ -> Optional.empty();
        });
    }

    private List<Range> ranges(List<Piece> pieces) {
        List<Range> ranges = new ArrayList<>();
        for (Piece piece : pieces.stream().sorted(Comparator.comparing(Piece::id)).toList()) {
            Range last = ranges.isEmpty() ? null : ranges.getLast();
            Lsn start = piece.id.start(size);
            if (last != null && last.to.equals(start)) {
                ranges.set(ranges.size() - 1, new Range(last.first, piece.id, last.from, piece.to, last.files + 1, last.bytes + piece.bytes));
            } else {
                ranges.add(new Range(piece.id, piece.id, start, piece.to, 1, piece.bytes));
            }
        }
        return List.copyOf(ranges);
    }
}
