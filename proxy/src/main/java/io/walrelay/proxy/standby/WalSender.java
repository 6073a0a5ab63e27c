package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.handler.ssl.SslHandler;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.TimelineChangingException;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalCursor;
import io.walrelay.cache.WalNotHeldException;
import io.walrelay.cache.WalSlice;
import io.walrelay.protocol.codec.BackendEncoder;
import io.walrelay.protocol.message.BackendMessage.CopyDone;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.replication.FromServerCodec;
import io.walrelay.protocol.replication.FromStandby;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Streams WAL to one standby, from CopyBothResponse to the end of COPY (walsender.c: WalSndLoop, XLogSendPhysical). It pulls
 * from a cursor of its own, wherever it is; there is no second way for those who are behind. Confined to its event loop.
 *
 * <p>Invariant: all WAL before {@code sent} was written to the channel, and lies on {@code lineage}.
 */
final class WalSender {

    /** What becomes of a stream. Exactly one of them is called, once, and nothing of this stream is written afterwards. */
    interface Owner {
        /** Both sides have said CopyDone. {@code end} is where a historic timeline ended. */
        void streamEnded(Optional<Course.EndsAt> end);

        void streamFailed(Diagnostic why);

        /** The relay stops and the standby has everything. */
        void streamDrained();

        /** The standby is gone or useless. */
        void hangUp(String reason);
    }

    /** As walsender's MAX_SEND_SIZE: near the end of WAL a longer message would only delay its first byte. */
    private static final int NEAR_TIP_MESSAGE = 128 << 10;

    /** For those further behind: libpq and walreceiver take it, and header and system call are paid an eighth as often. */
    private static final int CATCH_UP_MESSAGE = 1 << 20;

    /** The kernel may be given this much of files at a time; the channel's own water marks do not count what it sends itself. */
    private static final int MAX_FILE_IN_FLIGHT = 2 * CATCH_UP_MESSAGE;

    /** Between two turns of a session that is behind, the others of its loop have theirs. */
    private static final int MAX_TURN = 2 * CATCH_UP_MESSAGE;

    private final Channel channel;
    private final WalCache cache;
    private final RelayState state;
    private final StandbyLimits limits;
    private final Pacer pacer;
    private final StandbyProgress progress;
    private final Owner owner;
    private final StreamRequest request;
    private final boolean encrypted;
    private final WalCursor cursor;
    private final LagTracker lags = new LagTracker();

    private final TimelineHistory lineage;
    private TimelineHistory seen;
    private Course.@Nullable EndsAt end;
    private Lsn sent;
    private boolean ahead;
    private final long aheadUntil;
    private boolean copyDoneSent;
    private boolean copyDoneReceived;
    private boolean stopping;
    private boolean over;
    private boolean resuming;
    private int fileInFlight;
    private long lastReceived;
    private long lastSent;
    private boolean awaitingReply;

    /** What a stream is made of. {@code slot} is acquired already. */
    record StreamRequest(Lsn start, TimelineHistory lineage, Optional<Course.EndsAt> end, Optional<String> slot) {}

    WalSender(ServerContext server, WalCache cache, Channel channel, StandbyProgress progress, Owner owner, StreamRequest request) {
        this.channel = channel;
        this.cache = cache;
        this.state = server.state();
        this.limits = server.limits();
        this.pacer = server.pacer(channel.eventLoop());
        this.progress = progress;
        this.owner = owner;
        this.request = request;
        this.encrypted = channel.pipeline().get(SslHandler.class) != null;
        this.cursor = cache.openCursor();
        this.lineage = request.lineage();
        this.seen = request.lineage();
        this.end = request.end().orElse(null);
        this.sent = request.start();
        long now = System.nanoTime();
        this.lastReceived = now;
        this.lastSent = now;
        this.aheadUntil = now + limits.aheadWait().toNanos();
    }

    /** CopyBothResponse is on its way. */
    void start() {
        pacer.join(this);
        progress.become(StandbyStatus.State.CATCHUP, "START_REPLICATION from %s".formatted(sent));
        ahead = end == null && sent.isAfter(cache.end().written());
        if (ahead) {
            waitAhead(System.nanoTime());
        } else {
            progress.sent(sent, 0);
            advance();
        }
    }

    /** One of the passes over all sessions. {@code delayNanos}: how long the newest WAL waited for it. */
    void onPass(long delayNanos) {
        if (!over && !copyDoneSent) {
            Lsn before = sent;
            advance();
            if (!sent.equals(before)) {
                progress.delayed(delayNanos);
            }
        }
    }

    /** Goes on soon, after the others of this event loop had a chance to. */
    void resume() {
        if (!resuming && !over) {
            resuming = true;
            channel.eventLoop().execute(() -> {
                resuming = false;
                advance();
            });
        }
    }

    private void advance() {
        if (over || copyDoneSent) {
            return;
        }
        EndOfWal now = cache.end();
        if (!follow(now)) {
            return;
        }
        Lsn limit = end == null ? now.written() : end.end();
        if (ahead) {
            if (sent.isAfter(limit)) {
                return;
            }
            ahead = false;
            progress.sent(sent, 0);
        }
        lags.sent(limit, System.nanoTime());
        int turn = 0;
        while (sent.isBefore(limit) && turn < MAX_TURN && fileInFlight < MAX_FILE_IN_FLIGHT && channel.isWritable()) {
            int bytes = sendOne(now, limit);
            if (bytes == 0) {
                return;
            }
            turn += bytes;
        }
        if (turn > 0) {
            lastSent = System.nanoTime();
            channel.flush();
        }
        if (sent.equals(limit)) {
            reachedEnd();
        } else if (turn >= MAX_TURN) {
            resume();
        }
    }

    private void reachedEnd() {
        if (end != null) {
            sendCopyDone();
        } else if (!stopping) {
            progress.become(StandbyStatus.State.STREAMING, "caught up at %s".formatted(sent));
        }
        drainIfStopping();
    }

    /** Whether the stream may go on now that the relay's history is what it is. */
    private boolean follow(EndOfWal now) {
        if (now.lineage().equals(seen)) {
            return true;
        }
        switch (Course.of(lineage, now.lineage(), ahead ? request.start() : sent)) {
            case Course.Open() -> end = null;
            case Course.EndsAt ends -> end = ends;
            case Course.Parted(var fork) -> {
                fail(Refusals.notInHistory(lineage.timeline(), sent, fork, cache.orphanAt(lineage.timeline(), sent)));
                return false;
            }
        }
        seen = now.lineage();
        return true;
    }

    /** Writes one message and returns how many bytes of WAL are in it; 0 when nothing can be sent now. */
    private int sendOne(EndOfWal now, Lsn limit) {
        var key = new SharedFrames.Key(seen, sent, limit);
        int shared = end == null ? pacer.frames().find(key) : -1;
        if (shared >= 0) {
            ByteBuf wal = pacer.frames().wal(shared);
            return write(pacer.frames().header(shared), wal, wal.readableBytes());
        }
        WalSlice slice;
        try {
            int atMost = limit.minus(sent) > CATCH_UP_MESSAGE ? CATCH_UP_MESSAGE : NEAR_TIP_MESSAGE;
            // By the relay's history, not ours: the segment of a switch point may be held under the next timeline only, which
            // begins with a copy (walsender.c, WalSndSegmentOpen).
            slice = cursor.read(now.lineage(), sent, limit, atMost);
        } catch (WalNotHeldException e) {
            if (timelineChangedSince(now)) {
                return 0;
            }
            SegmentId id = SegmentId.at(lineage.timelineAt(sent), sent, cache.segmentSize());
            fail(Refusals.segmentGone(new WalFileName.Segment(id).fileName(cache.segmentSize())).withDetail(String.valueOf(e.getMessage())));
            return 0;
        } catch (TimelineChangingException e) {
            return 0; // Whoever changes it wakes us.
        } catch (IOException e) {
            fail(Refusals.couldNotRead(sent, String.valueOf(e.getMessage())));
            return 0;
        }
        // The memory tail is one for all timelines. That ours was still in force after the read proves the bytes to be ours.
        if (timelineChangedSince(now)) {
            slice.release();
            return 0;
        }
        int length = slice.length();
        ByteBuf header = channel.alloc().directBuffer(FromServerCodec.XLOG_DATA_HEADER);
        FromServerCodec.writeXLogDataHeader(header, sent, limit, PgTime.of(state.clock().instant()), length);
        return switch (slice) {
            case WalSlice.InMemory(var bytes) -> {
                if (end == null) {
                    pacer.frames().keep(key, header, bytes);
                }
                yield write(header, bytes, length);
            }
            case WalSlice.InFile inFile when encrypted -> writeCopied(header, inFile);
            case WalSlice.InFile inFile -> {
                fileInFlight += length;
                channel.write(header, channel.voidPromise());
                channel.write(new SegmentRegion(inFile)).addListener(_ -> {
                    fileInFlight -= length;
                    resume();
                });
                yield moved(length);
            }
        };
    }

    private boolean timelineChangedSince(EndOfWal then) {
        if (cache.end().lineage().equals(then.lineage())) {
            return false;
        }
        resume();
        return true;
    }

    private int write(ByteBuf header, ByteBuf wal, int length) {
        channel.write(header, channel.voidPromise());
        channel.write(wal, channel.voidPromise());
        return moved(length);
    }

    /** TLS has to see the bytes, so there is no sendfile. */
    private int writeCopied(ByteBuf header, WalSlice.InFile slice) {
        int length = slice.length();
        ByteBuf wal = channel.alloc().directBuffer(length);
        try {
            ByteBuffer into = wal.internalNioBuffer(0, length);
            int read = 0;
            while (read < length) {
                int n = slice.file().read(into, (long) slice.offset() + read);
                if (n <= 0) {
                    throw new IOException("segment %s ends at offset %d".formatted(slice.file().id(), slice.offset() + read));
                }
                read += n;
            }
            wal.writerIndex(length);
        } catch (IOException e) {
            header.release();
            wal.release();
            fail(Refusals.couldNotRead(sent, String.valueOf(e.getMessage())));
            return 0;
        } finally {
            slice.release();
        }
        return write(header, wal, length);
    }

    private int moved(int length) {
        sent = sent.plus(length);
        progress.sent(sent, length);
        return length;
    }

    /** One CopyData from the standby. Takes over the reference. */
    void onReply(ByteBuf data) {
        FromStandby message = FromStandbyCodec.decode(data);
        heard();
        switch (message) {
            case FromStandby.StandbyStatusUpdate update -> onStatusUpdate(update);
            // The relay reports no feedback upstream: nothing to do but to hear it.
            case FromStandby.HotStandbyFeedback _ -> {}
        }
    }

    private void heard() {
        lastReceived = System.nanoTime();
        awaitingReply = false;
    }

    private void onStatusUpdate(FromStandby.StandbyStatusUpdate update) {
        progress.reply(update, lags, System.nanoTime(), state.clock().instant());
        if (request.slot().isPresent() && update.flushed().isValid()) {
            // Past the relay's own end a slot has nothing to hold.
            cache.slots().advance(request.slot().get(), Lsn.min(update.flushed(), cache.end().written()));
        }
        if (update.replyRequested()) {
            keepalive(false);
        }
        drainIfStopping();
    }

    void onCopyDone() {
        heard();
        copyDoneReceived = true;
        if (!copyDoneSent && !over) {
            sendCopyDone();
        } else {
            endIfBothDone();
        }
    }

    private void sendCopyDone() {
        copyDoneSent = true;
        ByteBuf out = channel.alloc().buffer();
        BackendEncoder.encode(new CopyDone(), out);
        channel.writeAndFlush(out, channel.voidPromise());
        endIfBothDone();
    }

    private void endIfBothDone() {
        if (copyDoneSent && copyDoneReceived && !over) {
            Course.EndsAt reached = end;
            Lsn replayed = progress.replayed();
            if (reached != null && replayed.isAfter(reached.end())) {
                // It asked from the start of its segment, which is before the fork; a walsender would let it ask for ever.
                fail(Refusals.replayedPast(
                        lineage.timeline(), replayed, reached.end(), cache.orphanAt(lineage.timeline(), replayed)));
                return;
            }
            close();
            owner.streamEnded(Optional.ofNullable(reached));
        }
    }

    /** Called about every second. {@code now} as System.nanoTime. */
    void onTick(long now) {
        noteSent();
        long silence = now - lastReceived;
        long timeout = limits.senderTimeout().toNanos();
        if (silence >= timeout) {
            close();
            owner.hangUp("terminating walsender process due to replication timeout");
        } else if (ahead) {
            advance();
            if (ahead && !over) {
                waitAhead(now);
            }
        } else if (silence >= timeout / 2 && !awaitingReply) {
            keepalive(true);
        } else if (now - lastSent >= timeout / 3) {
            // A standby hangs up when it hears nothing for wal_receiver_timeout, which has the same default.
            keepalive(false);
        }
    }

    /** PostgreSQL says CopyBothResponse before it compares positions, and so a standby can be told to wait instead of failing. */
    private void waitAhead(long now) {
        boolean mayCome = state.upstream().state() == UpstreamStatus.State.STREAMING && now - aheadUntil < 0;
        if (mayCome) {
            keepalive(silentForHalf(now));
        } else {
            fail(Refusals.ahead(request.start(), cache.end().written()));
        }
    }

    private boolean silentForHalf(long now) {
        return now - lastReceived >= limits.senderTimeout().toNanos() / 2;
    }

    /** What can't be written now need not be: then there is enough under way already for the standby to hear. */
    private void keepalive(boolean replyRequested) {
        if (over || copyDoneSent || !channel.isWritable()) {
            return;
        }
        ByteBuf out = channel.alloc().buffer(FromServerCodec.KEEPALIVE);
        Lsn position = ahead ? cache.end().written() : sent;
        FromServerCodec.writeKeepalive(out, position, PgTime.of(state.clock().instant()), replyRequested);
        channel.writeAndFlush(out, channel.voidPromise());
        lastSent = System.nanoTime();
        awaitingReply |= replyRequested;
    }

    /** The relay stops: the standby gets what there is, and is let go when it has confirmed that (walsender.c, WalSndDone). */
    void stop() {
        if (over) {
            return;
        }
        stopping = true;
        progress.become(StandbyStatus.State.STOPPING, "the relay stops");
        if (ahead) {
            close();
            owner.streamDrained();
            return;
        }
        advance();
        drainIfStopping();
    }

    private void drainIfStopping() {
        if (!stopping || over) {
            return;
        }
        boolean all = copyDoneSent || sent.isAtLeast(cache.end().written());
        if (all && progress.confirmed().isAtLeast(sent)) {
            close();
            owner.streamDrained();
        } else if (all && !awaitingReply) {
            keepalive(true);
        }
    }

    private void fail(Diagnostic why) {
        if (!over) {
            close();
            owner.streamFailed(why);
        }
    }

    private void noteSent() {
        if (request.slot().isPresent() && !ahead) {
            cache.slots().sent(request.slot().get(), sent);
        }
    }

    /** Lets go of everything. The owner calls it when the channel is gone. */
    void close() {
        if (!over) {
            over = true;
            noteSent();
            pacer.leave(this);
            cursor.close();
        }
    }
}
