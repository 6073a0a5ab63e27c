package io.walrelay.proxy.shaping;

import io.walrelay.protocol.replication.PgTime;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.WalReader;
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
}
