package io.walrelay.proxy.http;

import io.walrelay.cache.ChangeIndex;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.background.BackgroundThread;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
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
    private static final Duration LOOK = Duration.ofSeconds(2);
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    /** As much as makes the code known to be worth compiling. */
    private static final int SEGMENTS = 8;

    private static final int FEWEST = 2;
    private static final int ROUNDS = 3;

    private final RelayState relay;
    private final BackgroundThread thread;

    MergeRehearsal(RelayState relay) {
        this.relay = relay;
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

    /** Whether it was played; not while the newest segments have no index. */
    boolean isDone() {
        Optional<WalCache> cache = relay.cache();
        try {
            return cache.isPresent() && isDone(cache.get());
        } catch (IOException e) {
            log.atDebug().setCause(e).log("could not rehearse a rewind's questions");
            return false;
        }
    }

    private boolean isDone(WalCache cache) throws IOException {
        ChangeIndex index = cache.changeIndex();
        EndOfWal end = cache.end();
        SegmentSize size = cache.segmentSize();
        Lsn whole = size.startOf(end.written());
        Lsn from = Lsn.max(size.startOf(cache.oldest()), whole.plus(-Math.min(whole.value(), (long) SEGMENTS * size.bytes())));
        int segments = size.segments(from, whole);
        if (segments < FEWEST || index.segments(end.lineage(), from, whole).size() < segments) {
            return false;
        }
        Lsn to = index.lastRecordEnd(end.lineage(), from);
        for (int round = 0; round < ROUNDS && !thread.isClosed(); round++) {
            drain(new SegmentsBody(index, end.lineage(), size, from, to, index.end()));
            if (index.changes(end.lineage(), from, to) instanceof ChangeIndex.Stretch stretch) {
                drain(new MergedBody(stretch, to, () -> {}));
            }
        }
        // By which lines are written that are rare.
        var _ = Json.MAPPER.writeValueAsString(Map.of());
        log.debug("rehearsed a rewind's questions, from {} to {}", from, to);
        return true;
    }

    private static void drain(WalReply.Pieces pieces) throws IOException {
        try (pieces) {
            while (pieces.next().isPresent()) {
                // Nobody has asked.
            }
        }
    }

    @Override
    public void close() {
        thread.close(PATIENCE);
    }
}
