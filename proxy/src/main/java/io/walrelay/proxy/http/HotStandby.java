package io.walrelay.proxy.http;

import io.walrelay.cache.HotStandbyNeeds;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What standbys need to know of the log, as far as the relay has read it. Times are the primary's: when the last transaction ended before
 * the record. 32-bit transaction identifiers are numbers.
 *
 * @param parameters the settings that standbys depend on, oldest first; the last are in force. Empty while they are not known
 * @param snapshot the newest list of running transactions
 * @param overflowed the newest that was too large to be whole
 * @param removal the record that removes the newest rows
 * @param nextXid with its epoch
 */
public record HotStandby(
        List<Parameters> parameters, Optional<Snapshot> snapshot, Optional<Snapshot> overflowed, Optional<Removal> removal, Optional<String> nextXid) {

    /**
     * @param at where the record starts; null when they were in force before the relay's WAL
     * @param minimums of what a standby must have as much or more from there on
     */
    public record Parameters(Optional<String> at, Optional<Instant> time, Map<String, Integer> minimums, String walLevel, boolean walLogHints, boolean trackCommitTimestamp) {}

    /** Where a standby can begin to answer queries, unless it is {@code overflowed}. */
    public record Snapshot(String at, Optional<Instant> time, boolean overflowed, int transactions, int subtransactions, long oldestRunningXid, long nextXid) {}

    /**
     * @param record the kind of record, as pg_waldump calls it
     * @param relation tablespace, database and file number
     * @param database OID, 0 for shared relations: queries in others have nothing to fear
     * @param xid a query whose snapshot does not see this transaction as ended is cancelled when it stands in the way
     * @param horizon the same with its epoch; null while the epoch is not known
     */
    public record Removal(String at, Optional<Instant> time, String record, String relation, long database, long xid, Optional<String> horizon) {}

    static HotStandby of(HotStandbyNeeds needs) {
        return new HotStandby(
                needs.parameters().stream().map(HotStandby::parameters).toList(),
                needs.snapshot().map(HotStandby::snapshot),
                needs.overflowed().map(HotStandby::snapshot),
                needs.removal().map(removal -> removal(removal, needs.removalHorizon())),
                needs.epoch().map(epoch -> epoch.nextXid().toString()));
    }

    private static Parameters parameters(HotStandbyNeeds.Parameters known) {
        return new Parameters(
                Optional.of(known.at()).filter(Lsn::isValid).map(Lsn::toString),
                known.time(),
                known.values().minimums(),
                known.values().walLevel().setting(),
                known.values().walLogHints(),
                known.values().trackCommitTimestamp());
    }

    private static Snapshot snapshot(HotStandbyNeeds.Snapshot known) {
        return new Snapshot(
                known.at().toString(),
                known.time(),
                known.running().overflowed(),
                known.running().transactions(),
                known.running().subtransactions(),
                Integer.toUnsignedLong(known.running().oldestRunningXid()),
                Integer.toUnsignedLong(known.running().nextXid()));
    }

    private static Removal removal(HotStandbyNeeds.Removal known, Optional<FullTransactionId> horizon) {
        return new Removal(
                known.at().toString(),
                known.time(),
                known.cause().title(),
                known.relation().toString(),
                Integer.toUnsignedLong(known.relation().database()),
                Integer.toUnsignedLong(known.xid()),
                horizon.map(FullTransactionId::toString));
    }
}
