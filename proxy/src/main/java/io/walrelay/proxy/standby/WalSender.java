package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.WalCache;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.replication.FromStandby;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.proxy.acknowledge.MemberSession;
import io.walrelay.proxy.acknowledge.Positions;
import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.state.Refusal.Reason;
import io.walrelay.proxy.shaping.Allowance;
import io.walrelay.proxy.shaping.StreamShape;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.proxy.state.Waiting;
import io.walrelay.wal.Lsn;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Streams WAL to one standby, from CopyBothResponse to the end of COPY (walsender.c: WalSndLoop, XLogSendPhysical). It pulls
 * from a cursor of its own, wherever it is; there is no second way for those who are behind. Confined to its event loop.
 */
final class WalSender implements Pacer.Paced {

    private final Channel channel;
    private final WalCache cache;
    private final RelayState state;
    private final Pacer pacer;
    private final StandbyProgress progress;
    private final SlotUse slot;
    private final MemberSession member;
    private final StreamOwner owner;
    private final WalMessages messages;
    private final StreamPosition position;
    private final StreamShape shape;
    private final Silence silence;
    private final Keepalives keepalives;
    private final CopyEnd copyEnd;
    private final LagTracker lags = new LagTracker();
    private final Runnable resumed = this::resumed;
    private final long aheadUntil;
    private boolean over;
    private boolean resuming;

    /** @param slot acquired already, if the session uses one */
    WalSender(
            ServerContext server, WalCache cache, Channel channel, StandbyProgress progress, SlotUse slot, StreamOwner owner, StreamStart.Stream request) {
        long now = System.nanoTime();
        this.channel = channel;
        this.cache = cache;
        this.state = server.state();
        this.pacer = server.pacer(channel.eventLoop());
        this.progress = progress;
        this.slot = slot;
        this.member = progress.joins(state.acknowledging());
        this.owner = owner;
        this.messages = new WalMessages(channel, cache, state.clock(), pacer.frames(), this::resume);
        this.position = new StreamPosition(request.lineage(), request.start(), request.end(), cache.end());
        this.shape = state.shaping().stream(
                cache, Stream.concat(slot.name().stream(), Stream.of(progress.name())).distinct().toList(), request.start());
        this.silence = new Silence(server.limits().senderTimeout(), now);
        this.keepalives = new Keepalives(channel, state.clock(), silence);
        this.copyEnd = new CopyEnd(channel);
        this.aheadUntil = now + server.limits().aheadWait().toNanos();
    }

    /** CopyBothResponse is on its way. */
    void start() {
        pacer.join(this);
        progress.become(StandbyStatus.State.CATCHUP, "START_REPLICATION from %s".formatted(position.start()));
        if (member.lacksSlot()) {
            progress.warnOfMissingSlot(state.events());
        }
        if (position.isAhead()) {
            waitAhead(System.nanoTime());
        } else {
            progress.sent(position.sent(), 0);
            advance();
        }
    }

    @Override
    public void onPass(long delayNanos) {
        if (!over && !copyEnd.isSent()) {
            Lsn before = position.sent();
            advance();
            if (!position.sent().equals(before)) {
                progress.delayed(delayNanos);
            }
        }
    }

    @Override
    public boolean isWaitedFor() {
        return member.isNamed();
    }

    @Override
    public void broken(Throwable cause) {
        close();
        owner.hangUp("internal error: " + cause);
    }

    /** Goes on soon, after the others of this event loop had a chance to. */
    void resume() {
        if (!resuming && !over) {
            resuming = true;
            channel.eventLoop().execute(resumed);
        }
    }

    private void resumed() {
        resuming = false;
        try {
            advance();
        } catch (RuntimeException | OutOfMemoryError e) {
            Pacer.end(this, e);
        }
    }

    private void advance() {
        if (over || copyEnd.isSent()) {
            return;
        }
        EndOfWal now = cache.end();
        Optional<Lsn> fork = position.follow(now);
        if (fork.isPresent()) {
            Lsn sent = position.sent();
            diverged(sent, Refusals.notInHistory(position.timeline(), sent, fork.get(), cache.orphanAt(position.timeline(), sent)));
            return;
        }
        Lsn limit = position.limit(now);
        if (position.isAhead()) {
            if (!position.catchesUpWith(limit)) {
                return;
            }
            progress.waitsFor(Waiting.NOTHING);
            progress.sent(position.sent(), 0);
        }
        Allowance allowed = shape.allow(position.sent(), limit, now.lineage());
        progress.held(allowed.hold());
        if (allowed.upTo().isAtLeast(position.sent())) {
            lags.sent(allowed.upTo(), System.nanoTime());
        }
        WalMessages.Turn turn = messages.sendTurn(position, now, allowed.upTo(), progress);
        shape.sent(turn.bytes(), position.sent());
        if (turn.failure() != null) {
            fail(Refusals.isGone(turn.failure()) ? Reason.REMOVED : Reason.UNREADABLE, turn.failure());
            return;
        }
        if (turn.bytes() > 0) {
            silence.wrote(System.nanoTime());
            channel.flush();
        }
        if (position.reachedTimelineEnd()) {
            sendCopyDone();
            drainIfStopping();
        } else if (position.sent().isAtLeast(allowed.upTo())) {
            if (allowed.hold().isEmpty() && !copyEnd.isStopping()) {
                progress.become(StandbyStatus.State.STREAMING, "caught up");
            }
            drainIfStopping();
        } else if (turn.isFull()) {
            resume();
        }
    }

    /** One CopyData from the standby. Takes over the reference. */
    void onReply(ByteBuf data) {
        FromStandby message = FromStandbyCodec.decode(data);
        silence.heard(System.nanoTime());
        switch (message) {
            case FromStandby.StandbyStatusUpdate update -> onStatusUpdate(update);
            case FromStandby.HotStandbyFeedback feedback -> slot.feedback(feedback.held());
        }
    }

    private void onStatusUpdate(FromStandby.StandbyStatusUpdate update) {
        progress.reply(update, lags, System.nanoTime(), state.clock().instant());
        Positions here = position.within(new Positions(update.written(), update.flushed(), update.applied()));
        slot.confirmed(here.flush());
        member.confirmed(position.lineage(), progress.state() != StandbyStatus.State.CATCHUP, here);
        if (update.replyRequested()) {
            keepalive(false);
        }
        drainIfStopping();
    }

    void onCopyDone() {
        silence.heard(System.nanoTime());
        copyEnd.receive();
        sendCopyDone();
    }

    private void sendCopyDone() {
        if (over) {
            return;
        }
        copyEnd.send();
        if (copyEnd.isBothDone()) {
            bothDone();
        }
    }

    private void bothDone() {
        Optional<Course.EndsAt> reached = position.end();
        Lsn replayed = progress.replayed();
        if (reached.isPresent() && replayed.isAfter(reached.get().end())) {
            // It asked from the start of its segment, which is before the fork; a walsender would let it ask for ever.
            diverged(replayed, Refusals.replayedPast(position.timeline(), replayed, reached.get().end(), cache.orphanAt(position.timeline(), replayed)));
        } else {
            close();
            owner.streamEnded(reached);
        }
    }

    @Override
    public void onTick(long now) {
        noteSent();
        if (position.isAhead() || shape.isHolding()) {
            advance();
        }
        if (over) {
            return;
        }
        if (position.isAhead()) {
            waitAhead(now);
        } else {
            Silence.Step due = silence.due(now);
            carryOut(due == Silence.Step.NOTHING && owesReplay() ? Silence.Step.ASK : due);
        }
    }

    /** A standby says what it has replayed when there is something else to say, at the latest after wal_receiver_status_interval: of a member that is to be known. */
    private boolean owesReplay() {
        boolean behind = progress.replayed().isValid() && progress.replayed().isBefore(progress.confirmed());
        return behind && member.isNamed() && !silence.awaitingReply();
    }

    private void carryOut(Silence.Step due) {
        switch (due) {
            case NOTHING -> {}
            case KEEPALIVE -> keepalive(false);
            case ASK -> keepalive(true);
            case HANG_UP -> {
                close();
                owner.hangUp("terminating walsender process due to replication timeout");
            }
        }
    }

    /** PostgreSQL says CopyBothResponse before it compares positions, and so a standby can be told to wait instead of failing. */
    private void waitAhead(long now) {
        boolean mayCome = state.upstream().state() == UpstreamStatus.State.STREAMING && now - aheadUntil < 0;
        if (mayCome) {
            progress.waitsFor(new Waiting.Ahead(position.start()));
            carryOut(silence.dueWhileAhead(now));
        } else {
            fail(Reason.AHEAD, Refusals.ahead(position.start(), cache.end().written()));
        }
    }

    /** One that is held back, too, is told where WAL ends, so that it knows how far behind it is. */
    private void keepalive(boolean asks) {
        if (!over && !copyEnd.isSent()) {
            EndOfWal now = cache.end();
            keepalives.send(position.isAhead() ? now.written() : shape.isHolding() ? position.limit(now) : position.sent(), asks);
        }
    }

    /** The relay stops: the standby gets what there is, and is let go when it has confirmed that. */
    void stop() {
        if (over) {
            return;
        }
        copyEnd.stop();
        progress.become(StandbyStatus.State.STOPPING, "the relay stops");
        if (position.isAhead()) {
            close();
            owner.streamDrained();
            return;
        }
        advance();
        drainIfStopping();
    }

    private void drainIfStopping() {
        if (over || !copyEnd.isStopping()) {
            return;
        }
        // One that is held back goes on where it is when the relay is there again.
        boolean all = shape.isHolding() || position.sent().isAtLeast(cache.end().written());
        boolean confirmed = progress.confirmed().isAtLeast(position.sent());
        switch (copyEnd.drain(all, confirmed, silence.awaitingReply())) {
            case WAIT -> {}
            case ASK -> keepalive(true);
            case LET_GO -> {
                close();
                owner.streamDrained();
            }
        }
    }

    private void fail(Reason reason, Diagnostic why) {
        fail(reason, why, Optional.empty());
    }

    /** @param reached how far the standby has come past the fork */
    private void diverged(Lsn reached, Diagnostic why) {
        fail(Reason.DIVERGED, why, Optional.of(new Refusal.Reached(position.timeline(), reached)));
    }

    private void fail(Reason reason, Diagnostic why, Optional<Refusal.Reached> reached) {
        if (!over) {
            close();
            owner.streamFailed(reason, why, reached);
        }
    }

    private void noteSent() {
        if (!position.isAhead()) {
            slot.sent(position.sent());
        }
    }

    /** Lets go of everything. The owner calls it when the channel is gone. */
    void close() {
        if (!over) {
            over = true;
            noteSent();
            pacer.leave(this);
            member.left();
            messages.close();
            shape.close();
        }
    }
}
