package io.walrelay.proxy.shaping;

import io.walrelay.cache.HeldRecords;
import io.walrelay.cache.WalCache;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.WalReader;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far behind the time of commit a standby is kept. What decides is the time in the records that end transactions, so it is right too for WAL
 * that came late; records before such a one may go, as none of what they change is to be seen yet (xlogrecovery.c, recoveryApplyDelay, which waits
 * at the same place). The time is upstream's, and it is compared with the relay's clock: if that is fast, the delay is as much shorter.
 *
 * @param clock the relay's
 */
record Delay(Duration by, Clock clock) {

    private static final Logger log = LoggerFactory.getLogger(Delay.class);

    /** When the record that {@code reader} stands on may go, if that is later than now. */
    Optional<Instant> due(WalReader reader) {
        try {
            return RecordBodies.transactionEnd(reader).map(end -> due(PgTime.toInstant(end.time()))).filter(due -> due.isAfter(clock.instant()));
        } catch (MalformedRecordException e) {
            // Of no server's making, although its checksum is right: it has no time to wait for.
            log.debug("a transaction's end without a time: {}", e.getMessage());
            return Optional.empty();
        }
    }

    /** A clock that was wrong by ages must not make what it wrote a fault of ours. */
    private Instant due(Instant ended) {
        return ended.isAfter(Instant.MAX.minus(by)) ? Instant.MAX : ended.plus(by);
    }

    /**
     * Whether one of the records that begin in a segment is too young. Reads it.
     *
     * @param whole whether all of them must be there to be looked at
     * @throws IOException when that can't be told now
     */
    Optional<Hold> in(WalCache cache, SegmentId id, boolean whole, Word word) throws IOException {
        Lsn end = id.end(cache.segmentSize());
        try (HeldRecords records = cache.records(id.start(cache.segmentSize()))) {
            if (!records.lineage().contains(id.timeline())) {
                return Optional.empty(); // Another history's, which nobody streams: for who asks for that by name.
            }
            Lsn released = word.releasedOn(records.lineage()).orElse(Lsn.INVALID);
            Optional<Hold> found = Optional.empty();
            boolean more = records.next();
            while (more && found.isEmpty() && records.reader().recordStart().isBefore(end)) {
                boolean mayGo = records.reader().lastRecordEnd().isAtMost(released);
                found = mayGo ? Optional.empty() : due(records.reader()).map(due -> Hold.delayed(Optional.of(due)));
                // What comes after it, if it can be read at all, changes nothing.
                more = found.isPresent() || records.next();
            }
            if (!records.isOfTheRelay()) {
                throw new IOException("the relay's timeline is changing; expected to answer after that");
            }
            boolean unseen = !more && whole && records.reader().lastRecordEnd().isBefore(end);
            return found.isEmpty() && unseen ? Optional.of(Hold.delayed(Optional.empty())) : found;
        } catch (HeldRecords.GoneException e) {
            return Optional.empty(); // Whoever looks for the file says so.
        }
    }
}
