package io.walrelay.proxy.standby;

import io.walrelay.protocol.replication.FromStandby.StandbyStatusUpdate;
import io.walrelay.proxy.acknowledge.Acknowledging;
import io.walrelay.proxy.acknowledge.MemberSession;
import io.walrelay.proxy.state.Events;
import io.walrelay.proxy.shaping.Hold;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.Waiting;
import io.walrelay.proxy.state.WrittenTimes;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far one session is, as pg_stat_replication shows it. Written by the session's event loop alone, looked at by any
 * thread: each field is right, two of them may be from different moments.
 */
final class StandbyProgress {

    private static final Logger log = LoggerFactory.getLogger(StandbyProgress.class);

    private final SessionIdentity identity;
    private final Instant since;
    private final WrittenTimes times;
    private volatile StandbyStatus.State state = StandbyStatus.State.STARTUP;
    private volatile @Nullable String slot;
    private volatile @Nullable TimelineId timeline;
    private volatile Lsn sent = Lsn.INVALID;
    private volatile Lsn written = Lsn.INVALID;
    private volatile Lsn flushed = Lsn.INVALID;
    private volatile Lsn replayed = Lsn.INVALID;
    private volatile @Nullable Duration writeLag;
    private volatile @Nullable Duration flushLag;
    private volatile @Nullable Duration replayLag;
    private volatile @Nullable Instant lastReply;
    private volatile long addedDelayNanos;
    private volatile long sentBytes;
    private volatile Waiting waiting = Waiting.NOTHING;
    private volatile @Nullable Hold held;
    private long allBytes;
    /** Whether the reply before the last had all that was sent: two in a row and the lags are over. */
    private boolean caughtUpBefore;

    StandbyProgress(SessionIdentity identity, Instant since, WrittenTimes times) {
        this.identity = identity;
        this.since = since;
        this.times = times;
    }

    StandbyStatus look() {
        String slotName = slot;
        Lsn sentTo = sent;
        return new StandbyStatus(
                identity.pid(),
                identity.shownName(),
                identity.user(),
                identity.client(),
                identity.relay(),
                Optional.ofNullable(slotName),
                state,
                since,
                Optional.ofNullable(timeline),
                sentTo,
                written,
                flushed,
                replayed,
                sentTo.isValid() ? Optional.of(times.ageOfWalPast(sentTo, System.nanoTime())) : Optional.empty(),
                Optional.ofNullable(writeLag),
                Optional.ofNullable(flushLag),
                Optional.ofNullable(replayLag),
                Optional.ofNullable(lastReply),
                Duration.ofNanos(addedDelayNanos),
                sentBytes,
                waiting,
                Optional.ofNullable(held));
    }

    /** As an operator knows the session. */
    String name() {
        return identity.shownName();
    }

    StandbyStatus.State state() {
        return state;
    }

    void become(StandbyStatus.State next, String reason) {
        if (next != state) {
            log.debug("standby \"{}\" ({}): {} to {}: {}", identity.shownName(), identity.pid(), state, next, reason);
            state = next;
        }
    }

    /** The session as the policy of acknowledgement sees it, from the beginning of its stream on. */
    MemberSession joins(Acknowledging acknowledging) {
        return acknowledging.join(identity.pid(), Optional.ofNullable(slot), identity.applicationName());
    }

    void warnOfMissingSlot(Events events) {
        events.warning(
                "member-without-slot",
                "standby \"%s\", which upstream.acknowledge names, does not use a slot of that name: while it is away WAL that it needs may be freed, and a restart of the relay forgets what it has; and where the relay has such a slot, what it confirms counts for nothing. Make one with walrelay slot create, and set primary_slot_name"
                        .formatted(identity.shownName()));
    }

    void begin(Optional<String> slotName, TimelineId of) {
        slot = slotName.orElse(null);
        timeline = of;
        waiting = Waiting.NOTHING;
        sent = Lsn.INVALID;
        written = Lsn.INVALID;
        flushed = Lsn.INVALID;
        replayed = Lsn.INVALID;
        caughtUpBefore = false;
        clearLags();
    }

    void end() {
        waiting = Waiting.NOTHING;
        slot = null;
        held = null;
    }

    void sent(Lsn to, int bytes) {
        sent = to;
        allBytes += bytes;
        sentBytes = allBytes;
    }

    /** What keeps it from being sent more, though there is more, or from beginning. */
    void waitsFor(Waiting what) {
        if (!what.equals(waiting)) {
            waiting = what;
        }
    }

    /** Why it is not sent all that there is; empty when it is. */
    void held(Optional<Hold> why) {
        held = why.orElse(null);
    }

    void delayed(long nanos) {
        addedDelayNanos = nanos;
    }

    /** Takes in a reply (walsender.c, ProcessStandbyReplyMessage). */
    void reply(StandbyStatusUpdate reply, LagTracker lags, long nowNanos, Instant now) {
        Optional<Duration> write = measured(lags, LagTracker.Stage.WRITE, reply.written(), nowNanos);
        Optional<Duration> flush = measured(lags, LagTracker.Stage.FLUSH, reply.flushed(), nowNanos);
        Optional<Duration> replay = measured(lags, LagTracker.Stage.REPLAY, reply.applied(), nowNanos);
        Lsn last = reply.applied().isValid() ? reply.applied() : reply.flushed().isValid() ? reply.flushed() : reply.written();
        boolean caughtUp = last.equals(sent);
        if (caughtUp && caughtUpBefore) {
            clearLags();
        }
        caughtUpBefore = caughtUp;
        write.ifPresent(lag -> writeLag = lag);
        flush.ifPresent(lag -> flushLag = lag);
        replay.ifPresent(lag -> replayLag = lag);
        written = reply.written();
        flushed = reply.flushed();
        replayed = reply.applied();
        lastReply = now;
    }

    /**
     * Other than walsender, which takes a receiver that replays nothing for one whose replay is later each second: that of which nothing is reported
     * has no lag.
     */
    private static Optional<Duration> measured(LagTracker lags, LagTracker.Stage stage, Lsn at, long nowNanos) {
        if (at.isValid()) {
            return lags.confirmed(stage, at, nowNanos);
        }
        lags.skip(stage);
        return Optional.empty();
    }

    /** What the standby surely has: flushed, or written when it does not report flushes (walsender.c, WalSndDone). */
    Lsn confirmed() {
        return flushed.isValid() ? flushed : written;
    }

    /** {@link Lsn#INVALID} before the first reply, and of receivers that replay nothing. */
    Lsn replayed() {
        return replayed;
    }

    private void clearLags() {
        writeLag = null;
        flushLag = null;
        replayLag = null;
    }
}
