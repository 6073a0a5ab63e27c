package io.walrelay.cache;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far upstream is with giving out transaction numbers, as far as its log shows (PostgreSQL: ReadNextFullTransactionId). A checkpoint says it with the
 * epoch; from there on each record moves it that has a later transaction. So it may be behind the truth, by transactions that have written nothing
 * yet and by WAL that was not read yet, and is never ahead of it.
 *
 * <p>Written by the thread that reads the log; may be asked by any.
 */
public final class NextXid {

    private static final Logger log = LoggerFactory.getLogger(NextXid.class);

    private static final Comparator<Map.Entry<FullTransactionId, Long>> MOST =
            Map.Entry.<FullTransactionId, Long>comparingByValue().thenComparing(Map.Entry.comparingByKey());

    /** {@link FullTransactionId#INVALID} until a checkpoint was read. */
    private volatile FullTransactionId next = FullTransactionId.INVALID;

    /** The latest transaction that a record had while there was no checkpoint yet; 0 for none. */
    private volatile int latest;

    /** Of the record before: most transactions write more than one. */
    private int before;

    private final WalRecord record = new WalRecord();

    /** The record that {@code reader} stands on was read. */
    void saw(WalReader reader) {
        int xid = reader.xid();
        if (xid != before) {
            before = xid;
            if (FullTransactionId.isNormal(xid)) {
                advance(xid);
            }
        }
        if (RecordBodies.isCheckpoint(reader.resourceManager(), reader.info())) {
            checkpoint(reader);
        }
    }

    private void checkpoint(WalReader reader) {
        try {
            reader.take(record);
            if (RecordBodies.of(record).orElse(null) instanceof RecordBody.Checkpoint checkpoint && next.isBefore(checkpoint.nextXid())) {
                next = checkpoint.nextXid();
            }
        } catch (MalformedRecordException e) {
            // HotStandbyWatch, which reads the same, complains once.
            log.debug("no transaction is known from a checkpoint: {}", e.getMessage());
        }
    }

    private void advance(int xid) {
        FullTransactionId known = next;
        if (!known.isValid()) {
            latest = latest == 0 || xid - latest > 0 ? xid : latest;
        } else if (xid - known.xid() >= 0) {
            next = known.near(xid).next();
        }
    }

    /** The log goes on elsewhere, perhaps with fewer transactions. */
    void forget() {
        next = FullTransactionId.INVALID;
        latest = 0;
        before = 0;
    }

    /**
     * What upstream gives out next, at least; empty while that is not known.
     *
     * @param reported transactions of the time, some of which may be wrong: while no checkpoint was read the epoch is the one that most of them have
     *     it in, of two with as many the later
     */
    public Optional<FullTransactionId> get(List<FullTransactionId> reported) {
        FullTransactionId known = next;
        int lately = latest;
        if (known.isValid()) {
            return Optional.of(known);
        }
        if (lately == 0) {
            return Optional.empty();
        }
        Map<FullTransactionId, Long> votes = reported.stream()
                .filter(FullTransactionId::isValid)
                .map(xid -> xid.near(lately))
                .filter(FullTransactionId::isValid)
                .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
        return votes.entrySet().stream().max(MOST).map(Map.Entry::getKey).map(FullTransactionId::next);
    }
}
