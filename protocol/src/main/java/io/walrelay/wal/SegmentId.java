package io.walrelay.wal;

import java.util.Comparator;

/** One segment of one timeline: what a segment's file name says, apart from the segment size that it depends on. */
public record SegmentId(TimelineId timeline, long number) implements Comparable<SegmentId> {

    private static final Comparator<SegmentId> ORDER =
            Comparator.comparing(SegmentId::timeline).thenComparing(SegmentId::number, Long::compareUnsigned);

    /** The segment of {@code timeline} that {@code lsn} lies in. */
    public static SegmentId at(TimelineId timeline, Lsn lsn, SegmentSize size) {
        return new SegmentId(timeline, size.segmentNumber(lsn));
    }

    public Lsn start(SegmentSize size) {
        return size.start(number);
    }

    public Lsn end(SegmentSize size) {
        return size.start(number).plus(size.bytes());
    }

    /** The same timeline's following segment. */
    public SegmentId next() {
        return new SegmentId(timeline, number + 1);
    }

    /** By timeline, then by position: the order of their file names. */
    @Override
    public int compareTo(SegmentId other) {
        return ORDER.compare(this, other);
    }
}
