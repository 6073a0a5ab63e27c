package io.walrelay.cache;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.ServerParameters;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import java.io.IOException;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gathers {@link HotStandbyNeeds} from the records that {@link WalVerifier} reads. The settings are remembered over restarts
 * ({@link KnownParameters}), since a primary writes them when it starts and may not start again for years; the rest comes anew within minutes.
 *
 * <p>{@link #needs} may be asked by any thread. What reads belongs to the verifier's thread.
 */
public final class HotStandbyWatch {

    private static final Logger log = LoggerFactory.getLogger(HotStandbyWatch.class);

    /** Is told what changes. Called on the verifier's thread, and must be quick. */
    @FunctionalInterface
    public interface Listener {

        /**
         * The log has other settings from {@code now} on. Called once for each change, over restarts too, unless one came in between.
         *
         * @param before those in force until then; empty when they are not known
         */
        void parametersChanged(Optional<HotStandbyNeeds.Parameters> before, HotStandbyNeeds.Parameters now);
    }

    private final KnownParameters known;
    private volatile HotStandbyNeeds needs;
    private volatile Listener listener = (_, _) -> {};

    /** What the primary told last; held over by gaps in the log. Guarded by this. */
    private @Nullable ServerParameters told;

    /* Confined to the verifier's thread. */
    private final WalRecord record = new WalRecord();
    /** The last record that had a time. */
    private @Nullable RecordBody timed;
    private boolean complained;

    HotStandbyWatch(DurableFiles files, TimelineHistory lineage) {
        this.known = new KnownParameters(files);
        this.needs = known.load(lineage);
    }

    /** As far as the log was read. Any thread. */
    public HotStandbyNeeds needs() {
        return needs;
    }

    /** To be set before anything is read. */
    public void listen(Listener told) {
        this.listener = told;
    }

    /**
     * What a host that is no standby says are its settings: those in force at the end of its log. They count as long as the log has not said
     * anything, and where some of it is missing. Any thread that may wait for the disk.
     */
    public synchronized void told(ServerParameters parameters) {
        told = parameters;
        become(needs.withTold(parameters));
    }

    /** Reads on along {@code lineage}. */
    synchronized void follow(TimelineHistory lineage) {
        HotStandbyNeeds now = needs.on(lineage);
        become(told == null ? now : now.withTold(told));
    }

    /** Reads on further down, and not what is between. */
    synchronized void skip() {
        HotStandbyNeeds now = needs.withoutParameters();
        become(told == null ? now : now.withTold(told));
    }

    /** Looks at the record that {@code reader} stands on: at two bytes of most. */
    void look(WalReader reader) {
        if (RecordBodies.mayKnow(reader.resourceManager(), reader.info())) {
            try {
                reader.take(record);
                RecordBodies.of(record).ifPresent(this::take);
            } catch (MalformedRecordException e) {
                if (!complained) {
                    complained = true;
                    log.warn("what hot standby needs may be incomplete, for a record is not of the form that PostgreSQL's have, although its checksum is right: {}", e.getMessage());
                }
            }
        }
    }

    private void take(RecordBody body) {
        switch (body) {
            // Every few records; what time it is, is worked out when it matters.
            case RecordBody.TransactionEnd end -> timed = end;
            case RecordBody.Checkpoint checkpoint -> {
                timed = checkpoint;
                add(checkpoint);
            }
            case RecordBody.ParameterChange _, RecordBody.RunningTransactions _, RecordBody.Removal _ -> add(body);
            case RecordBody.FullPageWritesChange _, RecordBody.EndOfRecovery _, RecordBody.OverwriteContrecord _, FileChange _ -> {}
        }
    }

    private void add(RecordBody body) {
        Optional<Instant> time = timed == null ? Optional.empty() : HotStandbyNeeds.timeOf(timed);
        synchronized (this) {
            HotStandbyNeeds next = needs.with(body, record.start(), time);
            tellChange(needs.inForce(), next.inForce());
            become(next);
        }
    }

    /** Before it is remembered: after a crash it is rather told twice than never. */
    private void tellChange(Optional<HotStandbyNeeds.Parameters> before, Optional<HotStandbyNeeds.Parameters> after) {
        after.filter(now -> !before.map(HotStandbyNeeds.Parameters::values).equals(Optional.of(now.values())))
                .ifPresent(now -> listener.parametersChanged(before, now));
    }

    /** Guarded by this. What is not saved is in force all the same: it is known as long as the relay runs. */
    private void become(HotStandbyNeeds next) {
        HotStandbyNeeds before = needs;
        needs = next;
        if (!next.parameters().equals(before.parameters())) {
            try {
                known.save(next);
            } catch (IOException e) {
                log.warn("settings that standbys must have could not be remembered, and will be forgotten at the next start: {}", e.getMessage());
            }
        }
    }
}
