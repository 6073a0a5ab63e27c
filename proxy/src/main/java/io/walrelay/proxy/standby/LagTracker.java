package io.walrelay.proxy.standby;

import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * How long it takes a standby to confirm what it was sent (walsender.c, LagTrackerWrite and LagTrackerRead). Each time
 * there is more to send, a sample says when WAL ended where; a reply that passes it tells the time between.
 *
 * <p>Between two samples the time is interpolated. While the first sample after idleness is not reached yet, the lag is the
 * time since that sample: what it would be if the standby confirmed it now.
 *
 * <p>Confined to the session's event loop. Times are nanoseconds of any clock that never goes back.
 */
final class LagTracker {

    /** What a reply confirms. Each has its own place in the ring. */
    enum Stage {
        WRITE,
        FLUSH,
        REPLAY
    }

    /** As PostgreSQL's LAG_TRACKER_BUFFER_SIZE would be generous for a relay that sends at most some hundred times a second. */
    private static final int SAMPLES = 2048;

    private static final class Reader {
        /** Invariant: tail ≤ next ≤ head. */
        private long next;
        /** The last sample that was passed; its time counts only while {@code passed}. */
        private long lsn;
        private long time;
        private boolean passed;
    }

    private final long[] lsns = new long[SAMPLES];
    private final long[] times = new long[SAMPLES];
    private final Map<Stage, Reader> readers = new EnumMap<>(
            Map.of(Stage.WRITE, new Reader(), Stage.FLUSH, new Reader(), Stage.REPLAY, new Reader()));
    /** Samples ever written; the ring holds those from the slowest reader on. */
    private long head;
    private long lastLsn;

    /** WAL up to {@code end} is there to be sent at {@code now}. */
    void sent(Lsn end, long now) {
        if (end.value() == lastLsn) {
            return;
        }
        lastLsn = end.value();
        if (head - slowest() == SAMPLES) {
            // Full: the newest sample moves on with the end, so that the oldest, which the slowest stage waits for, stays true.
            head--;
            for (Reader r : readers.values()) {
                r.next = Math.min(r.next, head);
            }
        }
        int slot = (int) (head % SAMPLES);
        lsns[slot] = lastLsn;
        times[slot] = now;
        head++;
    }

    private long slowest() {
        long slowest = head;
        for (Reader r : readers.values()) {
            slowest = Math.min(slowest, r.next);
        }
        return slowest;
    }

    /** The standby confirmed {@code at} at {@code now}. Empty when that tells nothing new. */
    Optional<Duration> confirmed(Stage stage, Lsn at, long now) {
        Reader r = readers.get(stage);
        if (r == null) {
            throw new IllegalArgumentException("no such stage: " + stage);
        }
        boolean crossed = false;
        long since = 0;
        while (r.next < head && Long.compareUnsigned(lsnOf(r.next), at.value()) <= 0) {
            since = timeOf(r.next);
            r.lsn = lsnOf(r.next);
            r.time = since;
            r.passed = true;
            crossed = true;
            r.next++;
        }
        boolean nothingAhead = r.next == head;
        if (nothingAhead) {
            r.passed = false;
        }
        if (!crossed) {
            if (nothingAhead) {
                return Optional.empty();
            }
            if (!r.passed) {
                since = timeOf(r.next);
            } else if (Long.compareUnsigned(at.value(), r.lsn) < 0) {
                return Optional.empty();
            } else {
                double fraction = (double) (at.value() - r.lsn) / (lsnOf(r.next) - r.lsn);
                since = r.time + (long) ((timeOf(r.next) - r.time) * fraction);
            }
        }
        return since > now ? Optional.empty() : Optional.of(Duration.ofNanos(now - since));
    }

    /** Nothing is confirmed of that stage, for which the others' samples are not to be kept. */
    void skip(Stage stage) {
        Reader r = readers.get(stage);
        if (r == null) {
            throw new IllegalArgumentException("no such stage: " + stage);
        }
        r.next = head;
        r.passed = false;
    }

    private long lsnOf(long sample) {
        return lsns[(int) (sample % SAMPLES)];
    }

    private long timeOf(long sample) {
        return times[(int) (sample % SAMPLES)];
    }
}
