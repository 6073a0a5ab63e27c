package io.walrelay.proxy.http;

import io.walrelay.cache.ChangeIndex;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.background.BackgroundThread;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers once what a rewind would ask of the newest WAL, for nobody. A rewind comes rarely, and when it comes somebody waits for a server: in code that has
 * never run the relay would take a quarter of a second for what takes a twentieth afterwards.
 *
 * <p>A thread of its own, which looks now and then until there is enough to merge, and is over then.
 */
final class MergeRehearsal implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(MergeRehearsal.class);
    private static final Duration LOOK = Duration.ofSeconds(5);
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    /** As much as makes the code known to be worth compiling. */
    private static final int SEGMENTS = 8;

    private static final int FEWEST = 2;
    private static final int ROUNDS = 3;

    private final RelayState relay;
    private final Semaphore merging;
    private final BackgroundThread thread;

    /** @param merging has a permit for each that may be merged at once */
    MergeRehearsal(RelayState relay, Semaphore merging) {
        this.relay = relay;
        this.merging = merging;
        this.thread = new BackgroundThread("merge-rehearsal", this::run);
    }

    void start() {
        thread.start();
    }

    private void run() throws InterruptedException {
        while (!thread.isClosed() && !isDone()) {
            thread.rest(LOOK);
        }
    }

    /** Whether it was played, or can't be; not while the newest segments have no index, or somebody has asked. */
    boolean isDone() {
        Optional<WalCache> cache = relay.cache();
        if (cache.isEmpty() || !merging.tryAcquire()) {
            return false;
        }
        try {
            return isDone(cache.get());
        } catch (IOException | RuntimeException e) {
            log.atDebug().setCause(e).log("could not rehearse a rewind's questions");
            return true;
        } finally {
            merging.release();
        }
    }

    private boolean isDone(WalCache cache) throws IOException {
        ChangeIndex index = cache.changeIndex();
        TimelineHistory lineage = cache.end().lineage();
        SegmentSize size = cache.segmentSize();
        Lsn to = size.startOf(cache.end().written());
        Lsn oldest = Lsn.max(size.startOf(cache.oldest()), to.plus(-Math.min(to.value(), (long) SEGMENTS * size.bytes())));
        Lsn from = to;
        for (ChangeIndex.Segment segment : index.segments(lineage, oldest, to).reversed()) {
            if (!size.endOf(segment.start()).equals(from)) {
                break;
            }
            from = segment.start();
        }
        if (size.segments(from, to) < FEWEST) {
            return false;
        }
        for (int round = 0; round < ROUNDS && !thread.isClosed(); round++) {
            drain(new SegmentsBody(index, lineage, size, from, to, to));
            if (index.changes(lineage, from, to) instanceof ChangeIndex.Stretch stretch) {
                drain(new MergedBody(stretch, to, () -> {}));
            }
        }
        // By which lines are written that are rare.
        var _ = Json.MAPPER.writeValueAsString(Map.of());
        log.debug("rehearsed a rewind's questions, from {} to {}", from, to);
        return true;
    }

    private void drain(WalReply.Pieces pieces) throws IOException {
        try (pieces) {
            while (!thread.isClosed() && pieces.next().isPresent()) {
                // Nobody has asked.
            }
        }
    }

    @Override
    public void close() {
        thread.close(PATIENCE);
    }
}
