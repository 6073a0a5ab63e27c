package io.walrelay.proxy.upstream;

import io.walrelay.cache.EndOfWal;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;

/**
 * Where to ask from: a little before our end, so that the writer compares. A server that lost its tail and wrote other WAL over it
 * has the same timeline, and nothing but its bytes tells.
 *
 * @param safe not before the segment that we need anyway, which upstream still has
 * @param earlier where {@code safe} leaves next to nothing to compare, in the segment before: upstream may have removed that, and then
 *     {@code safe} is asked for. Otherwise the same as {@code safe}
 */
record ResumePoint(Lsn safe, Lsn earlier) {

    private static final long COMPARED_BYTES = 64 << 10;

    /** A page: less than that may be the same by chance, being a header and zeros. */
    private static final long TOO_LITTLE = 8 << 10;

    /**
     * @param oldest from where on we have WAL without a gap
     */
    static ResumePoint of(EndOfWal end, SegmentSize size, Lsn oldest) {
        Lsn written = end.written();
        // A timeline's first segment begins with what it shares with its parent; the one before does not bear its name.
        Lsn floor = Lsn.max(oldest, size.startOf(end.lineage().begin()));
        Lsn safe = back(written, Lsn.max(floor, size.startOf(written)));
        return new ResumePoint(safe, written.minus(safe) < TOO_LITTLE ? back(written, floor) : safe);
    }

    private static Lsn back(Lsn from, Lsn floor) {
        return from.plus(-Math.clamp(from.minus(floor), 0, COMPARED_BYTES));
    }
}
