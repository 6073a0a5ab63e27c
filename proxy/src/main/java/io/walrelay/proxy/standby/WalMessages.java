package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.handler.ssl.SslHandler;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.TimelineChangingException;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalCursor;
import io.walrelay.cache.WalNotHeldException;
import io.walrelay.cache.WalOnItsWayException;
import io.walrelay.cache.WalSlice;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.replication.FromServerCodec;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.proxy.config.StandbySettings;
import io.walrelay.proxy.state.Waiting;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * XLogData messages, from the WAL cache to one channel: shared with other sessions where they are at the same place, by sendfile
 * where the connection is plain. Confined to its event loop; closed by its sender.
 */
final class WalMessages implements AutoCloseable {

    /** What became of one message. */
    private sealed interface Outcome {
        /** It was written, with that many bytes of WAL in it. */
        record Sent(int bytes) implements Outcome {}

        /** Nothing can be sent now; somebody sees to it that it is tried again. */
        record Later() implements Outcome {}

        record Failed(Diagnostic why) implements Outcome {}
    }

    /** What one turn wrote; {@code failure}: why it can't go on, if it can't. */
    record Turn(int bytes, @Nullable Diagnostic failure) {

        private static final Turn EMPTY = new Turn(0, null);

        /** Whether it ended so that the others have theirs. */
        boolean isFull() {
            return bytes >= MAX_TURN;
        }
    }

    /** As walsender's MAX_SEND_SIZE: near the end of WAL a longer message would only delay its first byte. */
    private static final int NEAR_TIP_MESSAGE = 128 << 10;

    /** For those further behind: libpq and walreceiver take it, and header and system call are paid an eighth as often. */
    private static final int CATCH_UP_MESSAGE = 1 << 20;

    /** For those further behind over TLS: what can't leave at once stays in memory. */
    private static final int CATCH_UP_ENCRYPTED = 256 << 10;

    /**
     * What may wait in memory before the next message is written. What waits is pieces of the tail, which come in chunks: with a
     * message beyond the mark, parts of three at most, {@link StandbySettings#SESSION_MEMORY}.
     */
    private static final WriteBufferWaterMark PLAIN = new WriteBufferWaterMark(128 << 10, 512 << 10);

    /** Under TLS it is a copy for each session: with a message beyond the mark 384 kB. */
    private static final WriteBufferWaterMark ENCRYPTED = new WriteBufferWaterMark(64 << 10, 128 << 10);

    /** The kernel may be given this much of files at a time; the channel's own water marks do not count what it sends itself. */
    private static final int MAX_FILE_IN_FLIGHT = 2 * CATCH_UP_MESSAGE;

    /** Between two turns of a session that is behind, the others of its loop have theirs. */
    private static final int MAX_TURN = 2 * CATCH_UP_MESSAGE;

    private static final Outcome LATER = new Outcome.Later();

    private final Channel channel;
    private final WalCache cache;
    private final Clock clock;
    private final SharedFrames frames;
    private final Runnable resume;
    private final boolean encrypted;
    private final WalCursor cursor;
    private int fileInFlight;
    /** What was waited for last: once is enough. */
    private @Nullable CompletionStage<?> awaited;

    /** @param resume called on the event loop when what could not be sent may be tried again */
    WalMessages(Channel channel, WalCache cache, Clock clock, SharedFrames frames, Runnable resume) {
        this.channel = channel;
        this.cache = cache;
        this.clock = clock;
        this.frames = frames;
        this.resume = resume;
        this.encrypted = channel.pipeline().get(SslHandler.class) != null;
        this.cursor = cache.openCursor();
        channel.config().setWriteBufferWaterMark(encrypted ? ENCRYPTED : PLAIN);
    }

    private boolean hasRoom() {
        return fileInFlight < MAX_FILE_IN_FLIGHT && channel.isWritable();
    }

    /**
     * Writes as much as one turn may, without flushing, and moves {@code at} on.
     *
     * @param now what {@code limit} was taken from
     */
    Turn sendTurn(StreamPosition at, EndOfWal now, Lsn limit, StandbyProgress progress) {
        int turn = 0;
        while (at.sent().isBefore(limit) && turn < MAX_TURN && hasRoom()) {
            switch (sendOne(at, now, limit)) {
                case Outcome.Sent(var bytes) -> {
                    turn += bytes;
                    at.moved(bytes);
                    progress.sent(at.sent(), bytes);
                }
                case Outcome.Later() -> {
                    progress.waitsFor(awaits(at.sent()));
                    return new Turn(turn, null);
                }
                case Outcome.Failed(var why) -> {
                    return new Turn(turn, why);
                }
            }
        }
        if (turn == 0) {
            return Turn.EMPTY;
        }
        progress.waitsFor(Waiting.NOTHING);
        return new Turn(turn, null);
    }

    /** Files that change places are back in a moment. */
    private Waiting awaits(Lsn at) {
        CompletionStage<?> arrival = awaited;
        return arrival != null && !arrival.toCompletableFuture().isDone() ? new Waiting.Archive(at) : Waiting.NOTHING;
    }

    private Outcome sendOne(StreamPosition at, EndOfWal now, Lsn limit) {
        Lsn from = at.sent();
        var key = new SharedFrames.Key(at.seen(), from, limit);
        int shared = at.isHistoric() ? -1 : frames.find(key);
        if (shared >= 0) {
            ByteBuf wal = frames.wal(shared);
            return write(frames.header(shared), wal, wal.readableBytes());
        }
        WalSlice slice;
        try {
            int catchUp = encrypted ? CATCH_UP_ENCRYPTED : CATCH_UP_MESSAGE;
            int atMost = limit.minus(from) > catchUp ? catchUp : NEAR_TIP_MESSAGE;
            // By the relay's history, not ours: the segment of a switch point may be held under the next timeline only, which
            // begins with a copy (walsender.c, WalSndSegmentOpen).
            slice = cursor.read(now.lineage(), from, limit, atMost);
        } catch (TimelineChangingException e) {
            return LATER; // Whoever changes it wakes all senders.
        } catch (WalOnItsWayException e) {
            return onItsWay(e);
        } catch (WalNotHeldException e) {
            return timelineChangedSince(now) ? LATER : notHeld(at, e);
        } catch (IOException e) {
            return couldNotRead(from, e);
        }
        // The memory tail is one for all timelines. That ours was still in force after the read proves the bytes to be ours.
        if (timelineChangedSince(now)) {
            slice.release();
            return LATER;
        }
        return switch (slice) {
            case WalSlice.InMemory inMemory -> {
                ByteBuf header = headerOf(inMemory, from, limit);
                if (!at.isHistoric()) {
                    frames.keep(key, header, inMemory.bytes());
                }
                yield write(header, inMemory.bytes(), inMemory.length());
            }
            case WalSlice.InFile inFile when encrypted -> writeCopied(inFile, from, limit);
            case WalSlice.InFile inFile -> writeFile(headerOf(inFile, from, limit), inFile);
        };
    }

    /** What goes before {@code slice}, which is given back when there is no memory for that. */
    private ByteBuf headerOf(WalSlice slice, Lsn from, Lsn limit) {
        try {
            ByteBuf header = channel.alloc().directBuffer(FromServerCodec.XLOG_DATA_HEADER);
            writeHeader(header, from, limit, slice.length());
            return header;
        } catch (OutOfMemoryError e) {
            slice.release();
            throw e;
        }
    }

    private void writeHeader(ByteBuf into, Lsn from, Lsn limit, int length) {
        FromServerCodec.writeXLogDataHeader(into, from, limit, PgTime.of(clock.instant()), length);
    }

    private Outcome onItsWay(WalOnItsWayException e) {
        if (!e.arrival().equals(awaited)) {
            awaited = e.arrival();
            var _ = e.arrival().whenComplete((_, _) -> channel.eventLoop().execute(resume));
        }
        return LATER;
    }

    private Outcome notHeld(StreamPosition at, WalNotHeldException e) {
        SegmentId id = SegmentId.at(at.lineage().timelineAt(at.sent()), at.sent(), cache.segmentSize());
        String segment = new WalFileName.Segment(id).fileName(cache.segmentSize());
        return new Outcome.Failed(Refusals.segmentGone(segment).withDetail(String.valueOf(e.getMessage())));
    }

    private static Outcome couldNotRead(Lsn at, IOException e) {
        return new Outcome.Failed(Refusals.couldNotRead(at, String.valueOf(e.getMessage())));
    }

    private boolean timelineChangedSince(EndOfWal then) {
        if (cache.end().lineage().equals(then.lineage())) {
            return false;
        }
        resume.run();
        return true;
    }

    private Outcome write(ByteBuf header, ByteBuf wal, int length) {
        channel.write(header, channel.voidPromise());
        channel.write(wal, channel.voidPromise());
        return new Outcome.Sent(length);
    }

    private Outcome writeFile(ByteBuf header, WalSlice.InFile slice) {
        int length = slice.length();
        fileInFlight += length;
        channel.write(header, channel.voidPromise());
        channel.write(new SegmentRegion(slice)).addListener(_ -> {
            fileInFlight -= length;
            resume.run();
        });
        return new Outcome.Sent(length);
    }

    /** TLS has to see the bytes, so there is no sendfile. Takes over the slice. */
    private Outcome writeCopied(WalSlice.InFile slice, Lsn from, Lsn limit) {
        int length = slice.length();
        try {
            ByteBuf message = channel.alloc().directBuffer(FromServerCodec.XLOG_DATA_HEADER + length);
            try {
                writeHeader(message, from, limit, length);
                append(message, slice);
            } catch (IOException | RuntimeException e) {
                message.release();
                throw e;
            }
            channel.write(message, channel.voidPromise());
            return new Outcome.Sent(length);
        } catch (IOException e) {
            return couldNotRead(from, e);
        } finally {
            slice.release();
        }
    }

    private static void append(ByteBuf message, WalSlice.InFile slice) throws IOException {
        int length = slice.length();
        ByteBuffer into = message.internalNioBuffer(message.writerIndex(), length);
        int read = 0;
        while (read < length) {
            int n = slice.file().read(into, (long) slice.offset() + read);
            if (n <= 0) {
                throw new IOException("segment %s ends at offset %d".formatted(slice.file().id(), slice.offset() + read));
            }
            read += n;
        }
        message.writerIndex(message.writerIndex() + length);
    }

    @Override
    public void close() {
        cursor.close();
    }
}
