package io.walrelay.proxy.shaping;

import io.walrelay.cache.Gap;
import io.walrelay.cache.HeldRecords;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.background.BackgroundThread;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads ahead of one stream that is delayed, on a thread of its own, and stops before the first record that ends a transaction too young. It begins
 * where the stream does and remembers nothing, so a restart is nothing special to it, whatever tier the WAL is in. {@link #horizon} may be asked by
 * any thread.
 *
 * <pre>
 *   start ── read, old enough ──▶ horizon │ COMMIT 14:03 │ …      until 15:03, or until that is released
 * </pre>
 */
final class DelayLine implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(DelayLine.class);

    /** A delay is not measured in less. */
    private static final Duration LOOK = Duration.ofMillis(200);

    private static final Duration RETRY = Duration.ofSeconds(2);

    /** How far it reads ahead of the stream: what comes from the archive is to be there still when the stream comes to it. */
    private static final long AHEAD = 64 << 20;

    private final WalCache cache;
    private final Delay delay;
    private final Supplier<Word> word;
    private final BackgroundThread thread;
    private volatile Allowance.Horizon horizon;
    private volatile Lsn sent;

    DelayLine(WalCache cache, Lsn start, Delay delay, Supplier<Word> word) {
        this.cache = cache;
        this.delay = delay;
        this.word = word;
        this.sent = start;
        this.horizon = new Allowance.Horizon(start, Hold.delayed(Optional.empty()));
        this.thread = new BackgroundThread("delay-line", this::run);
    }

    void start() {
        thread.start();
    }

    Allowance.Horizon horizon() {
        return horizon;
    }

    /** Where the stream is. */
    void follows(Lsn to) {
        sent = to;
    }

    private void run() throws InterruptedException {
        while (!thread.isClosed()) {
            try (HeldRecords records = cache.records(cache.segmentSize().startOf(horizon.end()))) {
                read(records);
            } catch (HeldRecords.GoneException e) {
                goOnPast(e.at());
            } catch (IOException e) {
                log.warn("the WAL of a delayed standby can't be read at {} now: {}", horizon.end(), e.getMessage());
                thread.rest(RETRY);
            } catch (RuntimeException e) {
                // Without its line the stream would stand here for ever.
                log.error("the WAL of a delayed standby could not be looked at from {} on; it is tried again", horizon.end(), e);
                thread.rest(RETRY);
            }
        }
    }

    /** Until the relay goes over to another history: what may go is judged anew there, from the beginning of the segment. */
    private void read(HeldRecords records) throws IOException, InterruptedException {
        while (!thread.isClosed() && records.isOfTheRelay()) {
            Lsn end = horizon.end();
            if (end.isAfter(sent) && end.minus(sent) > AHEAD) {
                thread.rest(LOOK);
            } else if (!records.next()) {
                reach(end, Optional.empty());
                thread.rest(LOOK);
            } else if (records.reader().lastRecordEnd().isAfter(end)) {
                awaitAge(records, end);
            }
        }
    }

    private void awaitAge(HeldRecords records, Lsn before) throws InterruptedException {
        Lsn recordEnd = records.reader().lastRecordEnd();
        Optional<Instant> due = delay.due(records.reader());
        while (due.isPresent() && !isReleased(recordEnd, records.lineage())) {
            reach(before, due);
            thread.rest(LOOK);
            if (thread.isClosed() || !records.isOfTheRelay()) {
                return;
            }
            due = delay.due(records.reader());
        }
        reach(recordEnd, Optional.empty());
    }

    private boolean isReleased(Lsn recordEnd, TimelineHistory lineage) {
        return word.get().releasedOn(lineage).filter(recordEnd::isAtMost).isPresent();
    }

    private void reach(Lsn end, Optional<Instant> due) {
        horizon = new Allowance.Horizon(end, Hold.delayed(due));
    }

    /**
     * What no tier has can't be read, nor sent: the stream goes there to say so. Where this begins anew, that may be the beginning of the
     * segment that the stream is in, and before it: the stream takes one byte more, or is told that there is none.
     */
    private void goOnPast(Lsn missing) throws InterruptedException {
        Optional<Lsn> next = cache.gaps().stream()
                .filter(gap -> gap.from().isAtMost(missing) && gap.to().isAfter(missing))
                .map(Gap::to)
                .findFirst();
        reach(Lsn.max(horizon.end().plus(1), next.orElse(missing.plus(1))), Optional.empty());
        thread.rest(RETRY);
    }

    @Override
    public void close() {
        thread.close(Duration.ZERO);
    }
}
