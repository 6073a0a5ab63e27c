package io.walrelay.proxy.http;

import io.walrelay.cache.WalHoldings;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.WalFileName;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The answer of {@code /wal}: what is held. Positions are text, sizes are bytes.
 *
 * @param memory the newest WAL, which is in memory as well
 * @param archiveProblem why the archive is missing here
 */
public record WalReport(String lineage, long segmentSize, Memory memory, List<Held> held, Optional<String> archiveProblem) {

    public record Memory(String from, String to) {}

    /**
     * @param own whether the lineage is the relay's or one that it descends from
     * @param whole whether the ranges are all that there is; very long listings of an archive are cut
     */
    public record Held(String lineage, boolean own, String tier, boolean whole, List<Range> ranges) {}

    /** Up to and without {@code to}. */
    public record Range(String from, String to, String first, String last, int files, long bytes) {}

    static WalReport of(WalHoldings.Snapshot snapshot, SegmentSize size) {
        return new WalReport(
                snapshot.own().id(),
                size.bytes(),
                new Memory(snapshot.memory().toString(), snapshot.written().toString()),
                snapshot.held().stream()
                        .map(held -> new Held(
                                held.lineage(),
                                held.own(),
                                held.tier().name().toLowerCase(Locale.ROOT),
                                held.whole(),
                                held.ranges().stream().map(range -> range(range, size)).toList()))
                        .toList(),
                snapshot.archiveProblem());
    }

    private static Range range(WalHoldings.Range range, SegmentSize size) {
        return new Range(range.from().toString(), range.to().toString(), name(range.first(), size), name(range.last(), size), range.files(), range.bytes());
    }

    private static String name(SegmentId id, SegmentSize size) {
        return new WalFileName.Segment(id).fileName(size);
    }
}
