package io.walrelay.proxy.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.DefaultFileRegion;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslHandler;
import io.walrelay.cache.WalFile;
import io.walrelay.cache.WalFile.Content;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.proxy.metrics.WalFileCounts;
import io.walrelay.proxy.shaping.RateLimit;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends a file: by the kernel where the connection is plain, else read by a worker. The next piece is begun when the last one has been taken, so
 * that a slow client has one of them in memory, and is let go when it does not take even that in time. On Linux only full packets go until the
 * end (TCP_CORK): the receiver is woken half as often. Confined to the connection's event loop.
 */
final class WalBody {

    private static final Logger log = LoggerFactory.getLogger(WalBody.class);

    /** A client has some seconds for each: with that it may be as slow as 100 kB/s. */
    private static final int PIECE = 1 << 20;
    private static final int PIECE_ENCRYPTED = 64 << 10;
    private static final byte[] ZEROS = new byte[PIECE];

    private final ChannelHandlerContext context;
    private final WalFile file;
    private final Executor workers;
    private final WalFileCounts counts;
    private final Runnable whenSent;
    private final Optional<RateLimit> rate;
    private final boolean encrypted;
    private final long end;
    private long at;

    private WalBody(ChannelHandlerContext context, WalReply.File reply, Executor workers, WalFileCounts counts, Runnable whenSent) {
        this.context = context;
        this.file = reply.file();
        this.workers = workers;
        this.counts = counts;
        this.whenSent = whenSent;
        this.rate = reply.rate();
        this.encrypted = context.pipeline().get(SslHandler.class) != null;
        this.at = reply.range().from();
        this.end = at + reply.range().length();
    }

    /** Sends the answer, of which the file is closed afterwards. {@code whenSent} is called if all went well; the connection is closed if not. */
    static void send(ChannelHandlerContext context, Call call, WalReply.File reply, Executor workers, WalFileCounts counts, Runnable whenSent) {
        DefaultHttpResponse head = new DefaultHttpResponse(HttpVersion.HTTP_1_1, reply.status());
        head.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_OCTET_STREAM)
                .set(HttpHeaderNames.CONTENT_LENGTH, reply.range().length())
                .set(HttpHeaderNames.CONNECTION, call.keepAlive() ? HttpHeaderValues.KEEP_ALIVE : HttpHeaderValues.CLOSE)
                .set("x-content-type-options", "nosniff");
        reply.headers().forEach((name, value) -> head.headers().set(name, value));
        cork(context, true);
        context.write(head);
        WalBody body = new WalBody(context, reply, workers, counts, whenSent);
        if (call.method().equals(HttpMethod.HEAD)) {
            body.finish();
        } else {
            body.next();
        }
    }

    private static void cork(ChannelHandlerContext context, boolean on) {
        if (context.channel() instanceof EpollSocketChannel channel && channel.isOpen()) {
            channel.config().setTcpCork(on);
        }
    }

    private void next() {
        if (at == end) {
            finish();
            return;
        }
        switch (file.content()) {
            case Content.Text(var bytes) -> write(Unpooled.wrappedBuffer(bytes.duplicate().slice((int) at, (int) (end - at))));
            case Content.OfSegment(_, var bytes, _) when at >= bytes -> write(Unpooled.wrappedBuffer(ZEROS, 0, piece(end)));
            case Content.OfSegment(var segment, var bytes, _) when encrypted -> copy(segment, piece(Math.min(bytes, end)));
            case Content.OfSegment(var segment, var bytes, _) -> {
                int length = piece(Math.min(bytes, end));
                sent(context.writeAndFlush(new Region(segment, at, length)), length);
            }
        }
    }

    private int piece(long limit) {
        int most = encrypted ? PIECE_ENCRYPTED : PIECE;
        return (int) Math.min(limit - at, rate.map(it -> Math.min(it.piece(), most)).orElse(most));
    }

    private void write(ByteBuf bytes) {
        int length = bytes.readableBytes();
        sent(context.writeAndFlush(new DefaultHttpContent(bytes)), length);
    }

    private void sent(ChannelFuture written, int length) {
        written.addListener(done -> {
            if (done.isSuccess()) {
                at += length;
                counts.sent(file.tier(), length);
                goOn(rate.map(it -> it.take(length)).orElse(0L));
            } else {
                giveUp();
            }
        });
    }

    private void goOn(long waitNanos) {
        if (waitNanos == 0) {
            next();
        } else {
            context.executor().schedule(this::next, waitNanos, TimeUnit.NANOSECONDS);
        }
    }

    /** TLS has to see the bytes, and the disk may take its time. */
    private void copy(SegmentFile segment, int length) {
        try {
            workers.execute(() -> {
                try {
                    ByteBuf bytes = read(segment, at, length);
                    inLoop(() -> write(bytes), bytes::release);
                } catch (IOException | RuntimeException | OutOfMemoryError e) {
                    log.warn("could not read segment {} for {}: {}", segment.id(), context.channel().remoteAddress(), e.getMessage());
                    inLoop(this::giveUp, () -> {});
                }
            });
        } catch (RejectedExecutionException e) {
            giveUp(); // The server stops.
        }
    }

    private void inLoop(Runnable task, Runnable otherwise) {
        try {
            context.executor().execute(task);
        } catch (RejectedExecutionException e) {
            otherwise.run();
            file.close();
        }
    }

    private static ByteBuf read(SegmentFile segment, long from, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        if (segment.read(bytes, from) != length) {
            throw new IOException("it ends before offset %d".formatted(from + length));
        }
        return Unpooled.wrappedBuffer(bytes.flip());
    }

    private void giveUp() {
        file.close();
        context.close();
    }

    private void finish() {
        file.close();
        context.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT).addListener(done -> {
            if (done.isSuccess()) {
                cork(context, false);
                whenSent.run();
            }
        });
    }

    /** A piece of a shared file, which it holds until it was sent and does not close. */
    private static final class Region extends DefaultFileRegion {
        private final SegmentFile segment;

        Region(SegmentFile segment, long from, int length) {
            super(segment.channel(), from, length);
            this.segment = segment;
            segment.retain();
        }

        @Override
        protected void deallocate() {
            segment.release();
        }
    }
}
