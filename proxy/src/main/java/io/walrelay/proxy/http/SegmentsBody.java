package io.walrelay.proxy.http;

import io.walrelay.cache.ChangeIndex;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The answer of {@code /api/v1/segments}, some segments at a time. Lines of JSON:
 *
 * <pre>
 *   {"segment":"000000010000000000000003","start":"0/3000000","crc32c":"5f1c22aa","checkpoint":"0/3000110"}     of a whole segment that has an index
 *   {"segment":"00000001000000000000000A","start":"0/A000000","crc32c":"5f1c22aa","to":"0/A213510"}             of what the last has before {@code to}, if that is inside it
 *   {"end":true}                                                                                                without it the answer is not all
 * </pre>
 */
final class SegmentsBody implements WalReply.Pieces {

    private static final int AT_ONCE = 64;
    private static final String END = "{\"end\":true}\n";

    private final ChangeIndex index;
    private final TimelineHistory lineage;
    private final SegmentSize size;
    private final Lsn to;

    /** Where this stops: there is nothing behind it. */
    private final Lsn end;

    private Lsn at;
    private boolean ended;

    /** @param held where all WAL ends that is held */
    SegmentsBody(ChangeIndex index, TimelineHistory lineage, SegmentSize size, Lsn from, Lsn to, Lsn held) {
        this.index = index;
        this.lineage = lineage;
        this.size = size;
        this.at = size.startOf(from);
        this.to = to;
        this.end = Lsn.min(to, held);
    }

    @Override
    public Optional<byte[]> next() throws IOException {
        if (ended) {
            return Optional.empty();
        }
        if (at.isAtLeast(end)) {
            ended = true;
            String last = end.isBefore(to) || size.offset(to) == 0 ? "" : index.beginning(lineage, to).map(segment -> line(segment, ",\"to\":\"%s\"".formatted(to))).orElse("");
            return Optional.of((last + END).getBytes(StandardCharsets.US_ASCII));
        }
        Lsn stop = Lsn.min(end, at.plus((long) AT_ONCE * size.bytes()));
        StringBuilder lines = new StringBuilder();
        for (ChangeIndex.Segment segment : index.segments(lineage, at, stop)) {
            lines.append(line(segment, segment.lastCheckpoint().map(",\"checkpoint\":\"%s\""::formatted).orElse("")));
        }
        at = stop;
        return Optional.of(lines.toString().getBytes(StandardCharsets.US_ASCII));
    }

    private String line(ChangeIndex.Segment segment, String more) {
        String name = new WalFileName.Segment(segment.id()).fileName(size);
        return "{\"segment\":\"%s\",\"start\":\"%s\",\"crc32c\":\"%08x\"%s}\n".formatted(name, segment.start(), segment.crc32c(), more);
    }

    @Override
    public void close() {
        // It holds nothing open between two pieces.
    }
}
