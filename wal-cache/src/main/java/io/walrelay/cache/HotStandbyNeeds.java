package io.walrelay.cache;

import io.walrelay.protocol.replication.PgTime;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.RelationFile;
import io.walrelay.wal.format.ServerParameters;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What hot standby needs to know of the log on {@code lineage}, as far as it was read: a value, made of records by {@link #with}, which takes
 * those that were taken before as if they were not there. Everything else about it is a pure function.
 *
 * <p>Times are the primary's: when the last transaction ended before the record, or the checkpoint was taken.
 *
 * @param parameters the settings and where they came into force, oldest first, a few; the last are in force. Empty while nothing is known
 * @param snapshot the newest list of running transactions
 * @param overflowed the newest that was too large to be whole
 * @param removal the one that reaches to the newest transaction
 * @param epoch the newest known
 */
public record HotStandbyNeeds(
        TimelineHistory lineage,
        List<Parameters> parameters,
        Optional<Snapshot> snapshot,
        Optional<Snapshot> overflowed,
        Optional<Removal> removal,
        Optional<Epoch> epoch) {

    /** So many changes of settings are remembered: a standby that is behind more than that has to be told that there were others before. */
    static final int REMEMBERED = 16;

    /** No record begins further after the end of the one before than by the header of a page. */
    private static final int LONGEST_HEADER = 40;

    /**
     * Settings from a position on.
     *
     * @param at where the record starts; {@link Lsn#INVALID} when they were in force before the relay's WAL, which the primary has told
     */
    public record Parameters(Lsn at, Optional<Instant> time, ServerParameters values) {}

    /** Transactions that ran, where the record starts. */
    public record Snapshot(Lsn at, Optional<Instant> time, RecordBody.RunningTransactions running) {}

    /** A record that removes what queries may still see, where it starts. {@code xid} is the newest transaction whose removed rows nobody may need. */
    public record Removal(Lsn at, Optional<Instant> time, RecordBody.Cause cause, RelationFile relation, int xid) {}

    /** What gives the identifiers in records their epoch: the first that was not given out, where the record starts that said so. */
    public record Epoch(Lsn at, FullTransactionId nextXid) {}

    public HotStandbyNeeds {
        parameters = List.copyOf(parameters);
    }

    /** Nothing is known yet. */
    static HotStandbyNeeds unknown(TimelineHistory lineage) {
        return new HotStandbyNeeds(lineage, List.of(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
    }

    /** The settings in force at the end of what was read; empty while they are not known. */
    public Optional<Parameters> inForce() {
        return parameters.isEmpty() ? Optional.empty() : Optional.of(parameters.getLast());
    }

    /** The changes that a standby will meet that has replayed up to {@code position}, oldest first. */
    public List<Parameters> ahead(Lsn position) {
        return parameters.stream().filter(change -> change.at().isValid() && change.at().isAtLeast(position)).toList();
    }

    /**
     * What a standby must have at least, by setting, to replay from {@code position} to the end of what was read: the most of what was in force
     * there and of all changes since.
     */
    public Map<String, Integer> minimumsFrom(Lsn position) {
        Map<String, Integer> most = new LinkedHashMap<>();
        List<Parameters> ahead = ahead(position);
        List<Parameters> before = parameters.subList(0, parameters.size() - ahead.size());
        if (!before.isEmpty()) {
            most.putAll(before.getLast().values().minimums());
        }
        ahead.forEach(change -> change.values().minimums().forEach((name, value) -> most.merge(name, value, Math::max)));
        return most;
    }

    /**
     * The change before which a standby stands that has replayed up to {@code position}: with WAL beyond it and no progress, that is what it
     * waits for. PostgreSQL 14 and later pause there, 13 shuts down (xlog.c, CheckRequiredParameterValues).
     */
    public Optional<Parameters> stopsBefore(Lsn position) {
        return ahead(position).stream().findFirst().filter(change -> change.at().minus(position) <= LONGEST_HEADER);
    }

    /** What {@link #removal} reaches to, with its epoch; empty while the epoch is not known. */
    public Optional<FullTransactionId> removalHorizon() {
        return epoch.flatMap(known -> removal.map(it -> known.nextXid().near(it.xid())));
    }

    /** With what a record says that starts at {@code at}. The same value when it says nothing new. */
    HotStandbyNeeds with(RecordBody body, Lsn at, Optional<Instant> time) {
        return switch (body) {
            case RecordBody.ParameterChange change -> withParameters(new Parameters(at, time, change.parameters()));
            case RecordBody.RunningTransactions running -> withSnapshot(new Snapshot(at, time, running));
            case RecordBody.Checkpoint checkpoint -> withEpoch(new Epoch(at, checkpoint.nextXid()));
            case RecordBody.Removal removed -> withRemoval(at, time, removed);
            case RecordBody.TransactionEnd _, RecordBody.FullPageWritesChange _, RecordBody.EndOfRecovery _, RecordBody.OverwriteContrecord _, FileChange _ -> this;
        };
    }

    /** The time that a record has, if it has one. */
    static Optional<Instant> timeOf(RecordBody body) {
        return switch (body) {
            case RecordBody.TransactionEnd end -> Optional.of(PgTime.toInstant(end.time()));
            case RecordBody.Checkpoint checkpoint ->
                    Optional.of(checkpoint.epochSecond()).filter(s -> s >= 0 && s <= Instant.MAX.getEpochSecond()).map(Instant::ofEpochSecond);
            case RecordBody.EndOfRecovery end -> Optional.of(PgTime.toInstant(end.time()));
            case RecordBody.OverwriteContrecord overwrite -> Optional.of(PgTime.toInstant(overwrite.time()));
            case RecordBody.ParameterChange _, RecordBody.RunningTransactions _, RecordBody.Removal _, RecordBody.FullPageWritesChange _, FileChange _ ->
                    Optional.empty();
        };
    }

    /** A server that starts for the first time writes what is in force anyway: that is where what was told came into force. */
    private HotStandbyNeeds withParameters(Parameters change) {
        Optional<Parameters> last = inForce();
        boolean same = last.filter(it -> it.values().equals(change.values())).isPresent();
        boolean read = last.filter(it -> it.at().isValid() && (same || it.at().isAtLeast(change.at()))).isPresent();
        if (read) {
            return this;
        }
        List<Parameters> all = new ArrayList<>(same ? List.of() : parameters);
        all.add(change);
        return withParameters(all.subList(Math.max(0, all.size() - REMEMBERED), all.size()));
    }

    private HotStandbyNeeds withParameters(List<Parameters> all) {
        return new HotStandbyNeeds(lineage, all, snapshot, overflowed, removal, epoch);
    }

    /** With what the primary told, unless the log has said so already. */
    HotStandbyNeeds withTold(ServerParameters told) {
        return parameters.isEmpty() ? withParameters(List.of(new Parameters(Lsn.INVALID, Optional.empty(), told))) : this;
    }

    /** Some of the log was not read: the settings may have changed there. */
    HotStandbyNeeds withoutParameters() {
        return parameters.isEmpty() ? this : withParameters(List.of());
    }

    private HotStandbyNeeds withSnapshot(Snapshot found) {
        if (snapshot.filter(last -> last.at().isAtLeast(found.at())).isPresent()) {
            return this;
        }
        Optional<Snapshot> newest = Optional.of(found);
        HotStandbyNeeds so = new HotStandbyNeeds(lineage, parameters, newest, found.running().overflowed() ? newest : overflowed, removal, epoch);
        return epoch.map(known -> so.withEpoch(new Epoch(found.at(), known.nextXid().near(found.running().nextXid())))).orElse(so);
    }

    private HotStandbyNeeds withEpoch(Epoch found) {
        boolean known = epoch.filter(last -> last.nextXid().compareTo(found.nextXid()) >= 0).isPresent();
        return known ? this : new HotStandbyNeeds(lineage, parameters, snapshot, overflowed, removal, Optional.of(found));
    }

    /**
     * One whose full identifier is more than half of all of them back is for nobody that runs (standby.c,
     * ResolveRecoveryConflictWithSnapshotFullXid).
     */
    private HotStandbyNeeds withRemoval(Lsn at, Optional<Instant> time, RecordBody.Removal found) {
        boolean ancient = found.full().isPresent() && epoch.filter(known -> known.nextXid().minus(found.full().get()) > Integer.MAX_VALUE).isPresent();
        boolean older = removal.filter(last -> !FullTransactionId.follows(found.xid(), last.xid())).isPresent();
        return ancient || older
                ? this
                : new HotStandbyNeeds(
                        lineage, parameters, snapshot, overflowed, Optional.of(new Removal(at, time, found.cause(), found.relation(), found.xid())), epoch);
    }

    /** What of it holds on another lineage: all that was read before they part. */
    HotStandbyNeeds on(TimelineHistory other) {
        Optional<Lsn> fork = other.forkWith(lineage);
        if (fork.isEmpty()) {
            return other.equals(lineage) ? this : new HotStandbyNeeds(other, parameters, snapshot, overflowed, removal, epoch);
        }
        Lsn end = fork.get();
        return new HotStandbyNeeds(
                other,
                parameters.stream().filter(change -> change.at().isBefore(end)).toList(),
                snapshot.filter(it -> it.at().isBefore(end)),
                overflowed.filter(it -> it.at().isBefore(end)),
                removal.filter(it -> it.at().isBefore(end)),
                epoch.filter(it -> it.at().isBefore(end)));
    }
}
