package io.walrelay.proxy.http;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends an answer that is made while it is sent: the next piece by a worker when the last one was taken, so that there is one of them in memory. When
 * no more can be made, the connection is closed, and the client sees that the answer is not whole. Confined to the connection's event loop.
 */
final class PiecesBody {

    private static final Logger log = LoggerFactory.getLogger(PiecesBody.class);

    private final ChannelHandlerContext context;
    private final WalReply.Pieces pieces;
    private final Executor workers;
    private final Runnable whenSent;

    private PiecesBody(ChannelHandlerContext context, WalReply.Pieces pieces, Executor workers, Runnable whenSent) {
        this.context = context;
        this.pieces = pieces;
        this.workers = workers;
        this.whenSent = whenSent;
    }

    /** {@code whenSent} is called if all went well; the connection is closed if not. The pieces are closed in either case. */
    static void send(ChannelHandlerContext context, Call call, WalReply.Lines lines, Executor workers, Runnable whenSent) {
        DefaultHttpResponse head = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        head.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, "application/x-ndjson")
                .set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED)
                .set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_STORE)
                .set(HttpHeaderNames.CONNECTION, call.keepAlive() ? HttpHeaderValues.KEEP_ALIVE : HttpHeaderValues.CLOSE)
                .set("x-content-type-options", "nosniff");
        context.write(head);
        PiecesBody body = new PiecesBody(context, lines.pieces(), workers, whenSent);
        if (call.method().equals(HttpMethod.HEAD)) {
            body.finish();
        } else {
            body.next();
        }
    }

    private void next() {
        try {
            workers.execute(() -> {
                try {
                    Optional<byte[]> piece = pieces.next();
                    inLoop(() -> piece.ifPresentOrElse(this::write, this::finish));
                } catch (IOException | RuntimeException | OutOfMemoryError e) {
                    log.warn("an answer to {} is not whole: {}", context.channel().remoteAddress(), e.getMessage());
                    inLoop(this::giveUp);
                }
            });
        } catch (RejectedExecutionException e) {
            giveUp(); // The server stops.
        }
    }

    private void inLoop(Runnable task) {
        try {
            context.executor().execute(task);
        } catch (RejectedExecutionException e) {
            pieces.close();
        }
    }

    private void write(byte[] piece) {
        if (piece.length == 0) {
            // Nothing is written, so that nothing else would tell that the client has gone.
            if (context.channel().isActive()) {
                next();
            } else {
                giveUp();
            }
            return;
        }
        context.writeAndFlush(new DefaultHttpContent(Unpooled.wrappedBuffer(piece))).addListener(done -> {
            if (done.isSuccess()) {
                next();
            } else {
                giveUp();
            }
        });
    }

    private void finish() {
        pieces.close();
        context.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT).addListener(done -> {
            if (done.isSuccess()) {
                whenSent.run();
            }
        });
    }

    private void giveUp() {
        pieces.close();
        context.close();
    }
}
