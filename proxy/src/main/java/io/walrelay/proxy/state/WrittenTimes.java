package io.walrelay.proxy.state;

import io.walrelay.wal.Lsn;
import java.time.Duration;

/**
 * When the relay wrote which WAL, so that the age of what a standby was not sent yet can be told. Thread-safe; times are
 * nanoseconds of any clock that never goes back.
 *
 * <p>A mark says that WAL up to an end was written at a time, or later by at most a 32nd of its age: neighbours are joined as they
 * grow old, so that a fixed number of them reaches back over years. What was held when the first mark was made counts as
 * written then.
 *
 * <pre>
 *   written:   …──────────┬──────────────┬──────┬───┬──┬─┬┬┐ now
 *   mark:              end, time     end, time  …
 * </pre>
 */
public final class WrittenTimes {

    /** Marks are at least this far apart, so that a busy relay makes no more of them than it needs. */
    private static final long SHORTEST_NANOS = 1_000_000;

    private static final int RESOLUTION = 32;

    /** Of three that can't be joined the first is a 32nd older than the last: 1,700 of them reach from a millisecond to ten years. */
    private static final int MARKS = 2048;

    /** Invariant: both ascend. */
    private final long[] ends = new long[MARKS];

    private final long[] times = new long[MARKS];
    private int count;

    /** WAL ends at {@code end} now. That may be before where it ended: another timeline took over. */
    synchronized void written(Lsn end, long now) {
        forget(end);
        if (count > 0 && ends[count - 1] == end.value()) {
            return;
        }
        if (count > 0 && now - times[count - 1] < SHORTEST_NANOS) {
            ends[count - 1] = end.value();
            return;
        }
        if (count == MARKS) {
            join(now);
        }
        ends[count] = end.value();
        times[count] = now;
        count++;
    }

    /** What lay past {@code end} is no more; a mark that spans it ends there. */
    private void forget(Lsn end) {
        int past = firstAfter(end.value());
        if (past < count) {
            ends[past] = end.value();
            boolean empty = past > 0 && ends[past - 1] == end.value();
            count = empty ? past : past + 1;
        }
    }

    /** Joins neighbours as far as all that was written between their times may be said to be as old as the older one. */
    private void join(long now) {
        int kept = 0;
        for (int i = 1; i < count; i++) {
            long next = i + 1 < count ? times[i + 1] : now;
            if (next - times[kept] > (now - times[kept]) / RESOLUTION) {
                kept++;
                times[kept] = times[i];
            }
            ends[kept] = ends[i];
        }
        count = kept + 1;
    }

    /** How long ago the oldest WAL past {@code reached} was written; zero when there is none. */
    public synchronized Duration ageOfWalPast(Lsn reached, long now) {
        int first = firstAfter(reached.value());
        return first == count ? Duration.ZERO : Duration.ofNanos(Math.max(now - times[first], 0));
    }

    private int firstAfter(long position) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (Long.compareUnsigned(ends[middle], position) > 0) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }
}
