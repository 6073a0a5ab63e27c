package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.replication.FromServer;
import io.walrelay.protocol.replication.FromServerCodec;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One START_REPLICATION: takes WAL in, wakes standbys, makes it durable, tells upstream (walreceiver.c WalReceiverMain, receivelog.c
 * HandleCopyStream).
 *
 * <p>Confined to the WAL writer thread, which is its channel's event loop, but for {@link #accepted}, {@link #end}, {@link #flushed},
 * {@link #synchronous}, {@link #lookAgain} and {@link #stop}. From {@link #begun} on it ends by itself, whatever upstream does or does not.
 */
final class WalStream implements Conversation {

    private static final Logger log = LoggerFactory.getLogger(WalStream.class);
    private static final long FULL_DISK_RETRY_SECONDS = 1;

    private enum Phase {
        /** The command was sent; its answer may be no stream at all. */
        ASKED,
        STREAMING,
        /** The stream is over; the rest of the answer is to come. */
        OVER
    }

    private final StreamContext around;
    private final Channel channel;
    private final Lsn ours;
    private final boolean compares;
    private final long period;
    private final WalIntake intake;
    private final StatusReports reports;
    private final FeedbackReports feedback;
    private final WalPublisher publisher;
    private final SignsOfLife signs;
    private final CommitHoldup holdup;
    private final CompletableFuture<Boolean> accepted = new CompletableFuture<>();
    private final CompletableFuture<StreamEnd> end = new CompletableFuture<>();
    private final AtomicBoolean replyDue = new AtomicBoolean();

    private volatile boolean synchronous;
    private Phase phase = Phase.ASKED;
    private Lsn upstreamEnd = Lsn.INVALID;
    private @Nullable Diagnostic error;
    private StreamEnd.@Nullable NextTimeline next;
    private @Nullable StreamEnd pending;
    private @Nullable Future<?> timer;

    /**
     * @param asked where START_REPLICATION asks from: at our end, or before it, so that what comes is compared first
     * @param status the longest time between two reports
     * @param slot where the slot that it uses is now; {@link Lsn#INVALID} if that is not known
     */
    WalStream(StreamContext around, Channel channel, Lsn asked, Duration status, Lsn slot) {
        this.around = around;
        this.channel = channel;
        this.ours = around.cache().end().written();
        this.compares = asked.isBefore(ours);
        long receiver = around.timing().receiver().toNanos();
        this.period = Math.min(TimeUnit.SECONDS.toNanos(1), Math.min(status.toNanos(), receiver / 4));
        this.intake = new WalIntake(around.cache().writer());
        this.reports = new StatusReports(
                channel,
                () -> around.relay().reportable(around.cache()),
                around.relay().acknowledging(),
                around.status(),
                around.relay().clock(),
                status.toNanos(),
                slot);
        this.feedback = new FeedbackReports(channel, around.relay().feedback(), around.relay().clock(), status.toNanos());
        this.publisher = new WalPublisher(around, reports);
        this.signs = new SignsOfLife(receiver, System.nanoTime());
        this.holdup = new CommitHoldup(around.relay(), around.cache());
    }

    /**
     * Whether upstream streams what we can go on with: true once all that was asked for again was equal, or the first WAL or sign of life
     * came where there was nothing to compare; false when the stream ended before. Any thread.
     */
    CompletableFuture<Boolean> accepted() {
        return accepted;
    }

    CompletableFuture<StreamEnd> end() {
        return end;
    }

    /** Whether a commit may wait for us. Any thread. */
    void synchronous(boolean mayWait) {
        synchronous = mayWait;
    }

    /** WAL was flushed in the background, or a standby has confirmed some. Any thread; many calls make one reply. */
    void flushed() {
        if (replyDue.compareAndSet(false, true)) {
            channel.eventLoop().execute(() -> {
                replyDue.set(false);
                whileStreaming(reports::reportNews);
            });
        }
    }

    /** {@link Room#held} may have changed. Any thread. */
    void lookAgain() {
        channel.eventLoop().execute(this::readOrNot);
    }

    /** Reports what is flushed and ends the stream and the connection. Any thread. */
    void stop() {
        channel.eventLoop().execute(() -> leave(new StreamEnd.Stopped()));
    }

    private void leave(StreamEnd why) {
        if (phase == Phase.STREAMING && !end.isDone()) {
            try {
                around.cache().writer().publish();
                around.cache().writer().flush();
                reports.reportLast();
                Outbound.send(channel, new FrontendMessage.CopyDone());
            } catch (IOException e) {
                around.fatal().accept(e);
            } catch (RuntimeException | Error e) {
                log.error("the last report could not be made", e);
            }
        }
        finish(why);
        Outbound.terminate(channel);
    }

    @Override
    public void begun() {
        if (!end.isDone()) {
            signs.heard(System.nanoTime());
            timer = channel.eventLoop().scheduleAtFixedRate(this::tick, period, period, TimeUnit.NANOSECONDS);
        }
    }

    @Override
    public boolean on(BackendMessage message) {
        if (end.isDone()) {
            SessionHandler.release(message);
            return message instanceof BackendMessage.ReadyForQuery;
        }
        switch (message) {
            case BackendMessage.CopyBothResponse _ -> begin(message);
            case BackendMessage.CopyData(var data) -> onData(data);
            case BackendMessage.CopyDone _ -> {
                // Everything of this timeline came. What is reported now is the last that upstream hears on it.
                pause();
                reports.reportLast();
                phase = Phase.OVER;
                Outbound.send(channel, new FrontendMessage.CopyDone());
            }
            case BackendMessage.DataRow(var values) -> next = new StreamEnd.NextTimeline(
                    TimelineId.parse(String.valueOf(values.get(0))), Lsn.parse(String.valueOf(values.get(1))));
            case BackendMessage.ErrorResponse(var diagnostic) -> error = diagnostic;
            case BackendMessage.ReadyForQuery _ -> {
                ended();
                return true;
            }
            case BackendMessage.CommandComplete _, BackendMessage.RowDescription _, BackendMessage.EmptyQueryResponse _, BackendMessage.NoticeResponse _, BackendMessage.ParameterStatus _ -> {
                // The row of the next timeline comes between two of them; a server that shuts down sends one and closes.
            }
            case BackendMessage.Other _, BackendMessage.ExtendedAnswer _, BackendMessage.Authentication _, BackendMessage.BackendKeyData _, BackendMessage.NegotiateProtocolVersion _ -> unexpected(message);
        }
        return false;
    }

    private void unexpected(BackendMessage message) {
        SessionHandler.release(message);
        abandon(new StreamEnd.Lost("server sent %s into the stream".formatted(message.getClass().getSimpleName())));
    }

    private void begin(BackendMessage message) {
        if (phase != Phase.ASKED) {
            unexpected(message);
            return;
        }
        phase = Phase.STREAMING;
        // The position that upstream shows for us is right from the beginning; its answer shows that it streams also when it has nothing to send.
        reports.report(true);
        feedback.begin(System.nanoTime());
        readOrNot();
    }

    private void onData(ByteBuf data) {
        switch (FromServerCodec.decode(data)) {
            case FromServer.PrimaryKeepalive(var upstream, _, var wantsReply) -> {
                upstreamEnd = Lsn.max(upstreamEnd, upstream);
                if (wantsReply) {
                    reports.owe();
                }
                if (!compares) {
                    accepted.complete(true);
                }
            }
            case FromServer.XLogData(var start, var upstream, _, var wal) -> {
                upstreamEnd = Lsn.max(upstreamEnd, upstream);
                int length = wal.readableBytes();
                around.relay().countReceived(length);
                if (went(intake.take(start, wal)) && (!compares || start.plus(length).isAtLeast(ours))) {
                    accepted.complete(true);
                }
            }
        }
    }

    private boolean went(WalIntake.Result result) {
        switch (result) {
            case WalIntake.Result.Taken() -> {
                return true;
            }
            case WalIntake.Result.Waiting() -> {}
            case WalIntake.Result.Full(var reason) -> {
                around.room().ranOut(reason);
                readOrNot();
                var _ = channel.eventLoop().schedule(this::retry, FULL_DISK_RETRY_SECONDS, TimeUnit.SECONDS);
            }
            case WalIntake.Result.Diverged(var reason) -> abandon(new StreamEnd.Diverged(reason));
            case WalIntake.Result.Skipped(var reason) -> abandon(new StreamEnd.Lost("upstream skipped WAL: " + reason));
            case WalIntake.Result.NoMemory(var reason) -> abandon(new StreamEnd.NoMemory(reason));
            case WalIntake.Result.Broken(var failure) -> broken(failure);
        }
        return false;
    }

    private void retry() {
        if (end.isDone() || !went(intake.retry())) {
            return;
        }
        around.room().again();
        // What is compared needs no room.
        accepted.complete(true);
        pause();
        readOrNot();
        if (pending != null) {
            finish(pending);
        }
    }

    private void readOrNot() {
        if (phase != Phase.ASKED && !end.isDone()) {
            boolean read = !around.room().held() && !intake.stalled();
            signs.reading(read, System.nanoTime());
            channel.config().setAutoRead(read);
        }
    }

    @Override
    public void pause() {
        // Also a part of a message is a sign of life.
        signs.heard(System.nanoTime());
        if (phase != Phase.STREAMING || end.isDone()) {
            return;
        }
        try {
            publisher.publish(synchronous, upstreamEnd);
            reports.settle(upstreamEnd);
        } catch (IOException e) {
            broken(e);
        }
    }

    @Override
    public void writable() {
        whileStreaming(() -> reports.settle(upstreamEnd));
    }

    private void tick() {
        try {
            watch(System.nanoTime());
        } catch (RuntimeException | Error e) {
            // A timer that failed is never called again, and nothing else would notice an upstream that hangs.
            log.error("the stream could not be watched", e);
            abandon(new StreamEnd.Lost("it could not be watched: " + e));
        }
    }

    private void watch(long now) {
        whileStreaming(() -> {
            around.relay().upstreamWaits(synchronous);
            holdup.look(synchronous, now);
        });
        switch (signs.judge(now)) {
            case DEAD -> abandon(new StreamEnd.Lost("no message for %d s".formatted(around.timing().receiver().toSeconds())));
            case GIVE_BACK -> leave(new StreamEnd.GivenBack());
            case ASK -> whileStreaming(() -> reports.report(true));
            case FINE -> whileStreaming(() -> reports.reportIfDue(now, upstreamEnd));
        }
        whileStreaming(() -> feedback.reportIfDue(now));
    }

    private void whileStreaming(Runnable report) {
        if (phase == Phase.STREAMING) {
            report.run();
        }
    }

    private void ended() {
        StreamEnd after = next != null ? next : new StreamEnd.Lost("upstream ended the stream");
        pending = error != null ? new StreamEnd.Refused(error) : after;
        if (!intake.stalled()) {
            finish(pending);
        }
    }

    @Override
    public void lost(UpstreamException why) {
        finish(new StreamEnd.Lost(error == null ? why.reason() : error.toString()));
    }

    private void broken(IOException e) {
        around.fatal().accept(e);
        abandon(new StreamEnd.Lost("the relay's disk failed: " + e.getMessage()));
    }

    private void abandon(StreamEnd why) {
        finish(why);
        var _ = channel.close();
    }

    private void finish(StreamEnd why) {
        phase = Phase.OVER;
        if (timer != null) {
            timer.cancel(false);
        }
        holdup.end();
        around.relay().upstreamWaits(false);
        intake.discard();
        accepted.complete(false);
        end.complete(why);
    }
}
