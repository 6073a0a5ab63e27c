package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.util.concurrent.Future;
import io.walrelay.cache.DiskFullException;
import io.walrelay.cache.DivergentWalException;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.GroupFsync;
import io.walrelay.cache.WalCache;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.CopyBothResponse;
import io.walrelay.protocol.message.BackendMessage.CopyData;
import io.walrelay.protocol.message.BackendMessage.CopyDone;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.EmptyQueryResponse;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.NegotiateProtocolVersion;
import io.walrelay.protocol.message.BackendMessage.NoticeResponse;
import io.walrelay.protocol.message.BackendMessage.Other;
import io.walrelay.protocol.message.BackendMessage.ParameterStatus;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.BackendMessage.RowDescription;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.replication.FromServer;
import io.walrelay.protocol.replication.FromServerCodec;
import io.walrelay.protocol.replication.FromStandby;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One START_REPLICATION: takes WAL in, wakes standbys, makes it durable, tells upstream (walreceiver.c WalReceiverMain, receivelog.c
 * HandleCopyStream).
 *
 * <p>Order, once per reading of the socket: append, publish, wake; then flush and reply at once when a commit may wait for us, else leave
 * it to {@link GroupFsync}. What is reported as flushed is {@link EndOfWal#acknowledgeable}; apply is never reported, as pg_receivewal.
 *
 * <p>Confined to the WAL writer thread, which is its channel's event loop, but for {@link #end}, {@link #flushed}, {@link #synchronous},
 * {@link #hold} and {@link #stop}.
 */
final class WalStream implements Conversation {

    /** How a stream ended. */
    sealed interface End {
        /** Upstream's timeline ends, or ended at or before where we asked; {@code timeline} follows it at {@code start}. */
        record NextTimeline(TimelineId timeline, Lsn start) implements End {}

        /** Upstream answered with an error; the session can take another command. */
        record Refused(Diagnostic error) implements End {}

        /** The connection is gone, or useless. */
        record Lost(String reason) implements End {}

        /** We ended it. */
        record Stopped() implements End {}

        /** Upstream's bytes are not ours. */
        record Diverged(String reason) implements End {}
    }

    /** What all streams of the link share. */
    record Surroundings(RelayState relay, LinkStatus status, WalCache cache, GroupFsync fsync, LinkTiming timing, Consumer<IOException> fatal) {}

    /** A message's WAL, perhaps partly taken in. */
    private record Piece(Lsn start, int firstIndex, ByteBuf wal) {
        Lsn position() {
            return start.plus(wal.readerIndex() - firstIndex);
        }
    }

    private static final Duration FULL_DISK_RETRY = Duration.ofSeconds(1);
    private static final String DISK_FULL = "disk-full";

    private final Surroundings around;
    private final Channel channel;
    private final long statusNanos;
    private final long receiverNanos;
    private final CompletableFuture<Boolean> begun = new CompletableFuture<>();
    private final CompletableFuture<End> end = new CompletableFuture<>();
    private final AtomicBoolean replyDue = new AtomicBoolean();
    /** WAL that there was no room for; while it is not empty nothing is read. */
    private final Deque<Piece> stalled = new ArrayDeque<>();

    private volatile boolean synchronous;
    private boolean streaming;
    private boolean held;
    private boolean full;
    private boolean replyRequested;
    private boolean askedForSign;
    private long lastHeard;
    private long lastReply;
    private Lsn upstreamEnd = Lsn.INVALID;
    private @Nullable Diagnostic error;
    private End.@Nullable NextTimeline next;
    private @Nullable End pending;
    private @Nullable Future<?> timer;

    /** @param status the longest time between two reports */
    WalStream(Surroundings around, Channel channel, Duration status) {
        this.around = around;
        this.channel = channel;
        this.statusNanos = status.toNanos();
        this.receiverNanos = around.timing.receiver().toNanos();
    }

    /** Whether upstream streams: true once it does, false when it ended before. */
    CompletableFuture<Boolean> begun() {
        return begun;
    }

    CompletableFuture<End> end() {
        return end;
    }

    /** Whether a commit may wait for us. Any thread. */
    void synchronous(boolean mayWait) {
        synchronous = mayWait;
    }

    /** WAL was flushed in the background. Any thread; many calls make one reply. */
    void flushed() {
        if (replyDue.compareAndSet(false, true)) {
            channel.eventLoop().execute(() -> {
                replyDue.set(false);
                if (streaming && around.cache.end().acknowledgeable().isAfter(around.status.acknowledged())) {
                    reply(false);
                }
            });
        }
    }

    /** Stops reading, or goes on. Any thread. */
    void hold(boolean hold) {
        channel.eventLoop().execute(() -> {
            held = hold;
            readOrNot();
        });
    }

    /** Reports what is flushed and ends the stream and the connection. Any thread. */
    void stop() {
        channel.eventLoop().execute(() -> {
            if (streaming && !end.isDone()) {
                try {
                    around.cache.writer().publish();
                    around.cache.writer().flush();
                    reply(false);
                    send(new FrontendMessage.CopyDone());
                } catch (IOException e) {
                    around.fatal.accept(e);
                }
            }
            finish(new End.Stopped());
            ByteBuf out = channel.alloc().buffer();
            FrontendEncoder.encode(new FrontendMessage.Terminate(), out);
            var _ = channel.writeAndFlush(out).addListener(ChannelFutureListener.CLOSE);
        });
    }

    @Override
    public boolean on(BackendMessage message) {
        if (end.isDone()) {
            release(message);
            return message instanceof ReadyForQuery;
        }
        lastHeard = System.nanoTime();
        switch (message) {
            case CopyBothResponse _ -> begin();
            case CopyData(var data) -> onData(data);
            case CopyDone _ -> {
                // Everything of this timeline came. What is reported now is the last that upstream hears on it.
                pause();
                reply(false);
                streaming = false;
                send(new FrontendMessage.CopyDone());
            }
            case DataRow(var values) -> next = new End.NextTimeline(
                    TimelineId.parse(String.valueOf(values.get(0))), Lsn.parse(String.valueOf(values.get(1))));
            case ErrorResponse(var diagnostic) -> error = diagnostic;
            case ReadyForQuery _ -> {
                ended();
                return true;
            }
            case CommandComplete _, RowDescription _, EmptyQueryResponse _, NoticeResponse _, ParameterStatus _ -> {
                // The row of the next timeline comes between two of them; a server that shuts down sends one and closes.
            }
            case Other(_, var body) -> {
                body.release();
                unexpected(message);
            }
            case BackendMessage.Authentication _, BackendMessage.BackendKeyData _, NegotiateProtocolVersion _ -> unexpected(message);
        }
        return false;
    }

    private static void release(BackendMessage message) {
        if (message instanceof CopyData(var data)) {
            data.release();
        } else if (message instanceof Other(_, var body)) {
            body.release();
        }
    }

    private void unexpected(BackendMessage message) {
        abandon(new End.Lost("server sent %s into the stream".formatted(message.getClass().getSimpleName())));
    }

    private void begin() {
        streaming = true;
        begun.complete(true);
        long period = Math.min(TimeUnit.SECONDS.toNanos(1), Math.min(statusNanos, receiverNanos / 4));
        timer = channel.eventLoop().scheduleAtFixedRate(this::tick, period, period, TimeUnit.NANOSECONDS);
        // The position that upstream shows for us is right from the beginning.
        reply(false);
    }

    private void onData(ByteBuf data) {
        switch (FromServerCodec.decode(data)) {
            case FromServer.PrimaryKeepalive(var upstream, _, var wantsReply) -> {
                upstreamEnd = Lsn.max(upstreamEnd, upstream);
                replyRequested |= wantsReply;
            }
            case FromServer.XLogData(var start, var upstream, _, var wal) -> {
                upstreamEnd = Lsn.max(upstreamEnd, upstream);
                around.relay.countReceived(wal.readableBytes());
                Piece piece = new Piece(start, wal.readerIndex(), wal);
                if (!stalled.isEmpty() || !takeIn(piece)) {
                    stalled.addLast(piece);
                }
            }
        }
    }

    /** Whether there was room for it, or no use. */
    private boolean takeIn(Piece piece) {
        boolean done = true;
        try {
            around.cache.writer().append(piece.position(), piece.wal);
        } catch (DiskFullException e) {
            done = false;
            if (!full) {
                full = true;
                around.relay.setNotReady(DISK_FULL, "no room for WAL");
                around.relay.events().error(DISK_FULL, "%s; reading from upstream stops until there is room".formatted(e.getMessage()));
                var _ = channel.eventLoop().schedule(this::retry, FULL_DISK_RETRY.toMillis(), TimeUnit.MILLISECONDS);
                channel.config().setAutoRead(false);
            }
        } catch (DivergentWalException e) {
            abandon(new End.Diverged(String.valueOf(e.getMessage())));
        } catch (IllegalArgumentException e) {
            throw new ProtocolViolation("upstream skipped WAL", String.valueOf(e.getMessage()));
        } catch (IOException e) {
            broken(e);
        } finally {
            if (done) {
                piece.wal.release();
            }
        }
        return done;
    }

    private void retry() {
        if (end.isDone()) {
            return;
        }
        for (Piece first = stalled.pollFirst(); first != null; first = stalled.pollFirst()) {
            if (!takeIn(first)) {
                stalled.addFirst(first);
                var _ = channel.eventLoop().schedule(this::retry, FULL_DISK_RETRY.toMillis(), TimeUnit.MILLISECONDS);
                return;
            }
        }
        full = false;
        around.relay.clearNotReady(DISK_FULL);
        around.relay.events().info(DISK_FULL, "there is room again; reading from upstream goes on");
        pause();
        readOrNot();
        End over = pending;
        if (over != null) {
            finish(over);
        }
    }

    private void readOrNot() {
        lastHeard = System.nanoTime();
        channel.config().setAutoRead(!held && stalled.isEmpty());
    }

    @Override
    public void pause() {
        if (!streaming || end.isDone()) {
            return;
        }
        lastHeard = System.nanoTime();
        askedForSign = false;
        try {
            Lsn before = around.cache.end().written();
            EndOfWal written = around.cache.writer().publish();
            if (!written.written().equals(before)) {
                around.relay.walAdvanced();
                if (synchronous) {
                    around.cache.writer().flush();
                    reply(false);
                } else {
                    around.fsync.wrote(written);
                }
            }
            around.status.heard(written.written(), upstreamEnd, around.relay.clock().instant());
        } catch (IOException e) {
            broken(e);
            return;
        }
        if (replyRequested) {
            reply(false);
        }
    }

    private void tick() {
        long now = System.nanoTime();
        boolean reading = channel.config().isAutoRead();
        if (reading && now - lastHeard >= receiverNanos) {
            abandon(new End.Lost("no message for %d s".formatted(TimeUnit.NANOSECONDS.toSeconds(receiverNanos))));
        } else if (reading && !askedForSign && now - lastHeard >= receiverNanos / 2) {
            askedForSign = true;
            reply(true);
        } else if (now - lastReply >= statusNanos) {
            reply(false);
        }
    }

    private void reply(boolean askForSign) {
        if (!streaming) {
            return;
        }
        EndOfWal now = around.cache.end();
        ByteBuf out = channel.alloc().buffer();
        FromStandbyCodec.encode(
                new FromStandby.StandbyStatusUpdate(
                        now.written(), now.acknowledgeable(), Lsn.INVALID, PgTime.of(around.relay.clock().instant()), askForSign),
                out);
        // Before it is sent: from then on upstream may rely on it.
        around.status.acknowledged(now.acknowledgeable());
        var _ = channel.writeAndFlush(out);
        replyRequested = false;
        lastReply = System.nanoTime();
    }

    private void send(FrontendMessage message) {
        ByteBuf out = channel.alloc().buffer();
        FrontendEncoder.encode(message, out);
        var _ = channel.writeAndFlush(out);
    }

    private void ended() {
        Diagnostic failure = error;
        End.NextTimeline following = next;
        End over = failure != null ? new End.Refused(failure) : following != null ? following : new End.Lost("upstream ended the stream");
        if (stalled.isEmpty()) {
            finish(over);
        } else {
            pending = over;
        }
    }

    @Override
    public void lost(UpstreamException why) {
        Diagnostic failure = error;
        finish(new End.Lost(failure == null ? why.reason() : failure.toString()));
    }

    private void broken(IOException e) {
        around.fatal.accept(e);
        abandon(new End.Lost("the relay's disk failed: " + e.getMessage()));
    }

    private void abandon(End why) {
        finish(why);
        var _ = channel.close();
    }

    private void finish(End why) {
        streaming = false;
        Future<?> ticking = timer;
        if (ticking != null) {
            ticking.cancel(false);
        }
        if (full) {
            // The next stream finds out for itself whether there is room.
            full = false;
            around.relay.clearNotReady(DISK_FULL);
        }
        // Never taken in, so never reported: it will be sent again.
        stalled.forEach(piece -> piece.wal.release());
        stalled.clear();
        begun.complete(false);
        end.complete(why);
    }
}
