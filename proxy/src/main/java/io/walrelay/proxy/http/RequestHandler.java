package io.walrelay.proxy.http;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.handler.timeout.WriteTimeoutException;
import io.netty.util.concurrent.Future;
import io.walrelay.proxy.metrics.WalFileCounts;
import io.walrelay.proxy.state.Events;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection: a request, its answer, the next request. Those that come before the answer to the last is written wait, a
 * few of them. Confined to the connection's event loop.
 */
final class RequestHandler extends SimpleChannelInboundHandler<FullHttpRequest> {

    private static final Logger log = LoggerFactory.getLogger(RequestHandler.class);

    /** More than any client sends ahead that means well. */
    private static final int MOST_WAITING = 16;

    /**
     * Who answers.
     *
     * @param snapshots for the event streams that ask for them
     * @param reader answers from {@code api}
     * @param workers answer from {@code wal}, {@code pushes} and {@code changes}
     */
    record Answers(
            Api api, Events events, Snapshots snapshots, ExecutorService reader, WalFiles wal, WalPushes pushes, ChangesPaths changes, WalFileCounts counts, ExecutorService workers) {}

    private final Gate gate;
    private final Answers answers;
    private final HttpLimits limits;
    private final Deque<FullHttpRequest> waiting = new ArrayDeque<>();
    private @Nullable Future<?> deadline;
    private boolean answering;
    private SegmentWaits.@Nullable Wait wait;

    RequestHandler(Gate gate, Answers answers, HttpLimits limits) {
        this.gate = gate;
        this.answers = answers;
        this.limits = limits;
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        expectRequest(context, limits.patience());
    }

    /** A request has to be whole by then, however slowly its bytes come. */
    private void expectRequest(ChannelHandlerContext context, Duration within) {
        deadline = context.executor().schedule(() -> context.close(), within.toMillis(), TimeUnit.MILLISECONDS);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        stopClock();
        if (wait != null) {
            wait.end();
        }
        waiting.forEach(this::forget);
        waiting.clear();
        context.fireChannelInactive();
    }

    private void forget(FullHttpRequest request) {
        request.release();
        if (request instanceof Upload upload && upload.body() instanceof Upload.Body.Came(var file)) {
            PushReceiver.close(file);
        }
    }

    /** Whether an answer is still to come; nothing may be written in between. */
    boolean isAnswering() {
        return answering;
    }

    /** A request has begun that takes its time: who reads it watches over it. */
    void stopClock() {
        if (deadline != null) {
            deadline.cancel(false);
        }
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
        if (!answering) {
            begin(context, request);
        } else if (waiting.size() < MOST_WAITING) {
            waiting.add(request.retain());
        } else {
            context.close();
        }
    }

    private void goOn(ChannelHandlerContext context) {
        answering = false;
        FullHttpRequest next = waiting.poll();
        if (next == null) {
            expectRequest(context, limits.idle());
            return;
        }
        try {
            begin(context, next);
        } finally {
            next.release();
        }
    }

    private void begin(ChannelHandlerContext context, FullHttpRequest request) {
        stopClock();
        answering = true;
        Call call = Call.of(context.pipeline(), request);
        if (request.decoderResult().isFailure()) {
            send(context, call, malformed(request.decoderResult().cause()), false);
            return;
        }
        Optional<Reply> refusal = gate.refuse(context, request);
        if (refusal.isPresent()) {
            send(context, call, refusal.get(), call.keepAlive());
        } else if (request instanceof Upload upload) {
            answer(context, upload.body(), call);
        } else {
            answer(context, Endpoint.at(call.path()).orElseThrow(), call);
        }
    }

    private static Reply malformed(Throwable cause) {
        return switch (cause) {
            case TooLongHttpLineException e -> Reply.text(HttpResponseStatus.REQUEST_URI_TOO_LONG, "request line too long");
            case TooLongHttpHeaderException e -> Reply.text(HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "request header too large");
            default -> Reply.text(HttpResponseStatus.BAD_REQUEST, "not an HTTP request: expected a request line and header fields as in RFC 9112");
        };
    }

    private void answer(ChannelHandlerContext context, Upload.Body body, Call call) {
        switch (body) {
            case Upload.Body.Refused(var reply) -> send(context, call, reply, call.keepAlive());
            case Upload.Body.Came(var file) -> answerByWorker(context, call, _ -> new WalReply.Plain(answers.pushes.accept(call, file)));
        }
    }

    private void answer(ChannelHandlerContext context, Endpoint endpoint, Call call) {
        switch (endpoint) {
            // A disk that hangs must not make the process look dead.
            case HEALTHZ -> send(context, call, Api.health(), call.keepAlive());
            case PAGE -> send(context, call, DashboardFiles.page(call), call.keepAlive());
            case PAGE_FILE -> send(context, call, DashboardFiles.answer(call, endpoint.parameterOf(call.path())), call.keepAlive());
            case EVENTS -> stream(context, call);
            case WAL -> answerByWorker(context, call, _ -> answers.wal.list(call));
            case WAL_FILE -> answerByWorker(context, call, mine -> answers.wal.get(call, mine));
            case CHANGES, SEGMENTS, LSN, STATS -> answerByWorker(context, call, _ -> answers.changes.answer(endpoint, call));
            case READYZ, METRICS, STATUS, STANDBYS, PROMOTABLE, UPSTREAM, TIMELINES, TIERS, HISTORY, RESTORE_SH -> answerByReader(context, endpoint, call);
            // An archive that hangs, or a disk that writes, must not keep anybody from reading metrics.
            case PINS, PIN, SLOTS, SLOT, STANDBY, WHY, PEER, RELOAD -> answerByWorker(context, call, _ -> new WalReply.Plain(answers.api.answer(endpoint, call)));
        }
    }

    private void stream(ChannelHandlerContext context, Call call) {
        Optional<Reply> refusal = EventStream.refuse(call);
        if (refusal.isPresent()) {
            send(context, call, refusal.get(), call.keepAlive());
        } else if (call.method().equals(HttpMethod.HEAD)) {
            EventStream.head(context);
        } else if (!EventStream.begin(context, answers.events, EventStream.wantsSnapshots(call) ? Optional.of(answers.snapshots) : Optional.empty(), limits)) {
            Reply reply = Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), "too many event streams; expected at most " + limits.eventStreams());
            send(context, call, reply.with("retry-after", "10"), call.keepAlive());
        }
    }

    private void answerByReader(ChannelHandlerContext context, Endpoint endpoint, Call call) {
        try {
            answers.reader.execute(() -> {
                Reply reply = answerOrApologize(endpoint, call);
                context.executor().execute(() -> send(context, call, reply, call.keepAlive()));
            });
        } catch (RejectedExecutionException e) {
            log.atDebug().setCause(e).log("too many HTTP requests wait");
            Reply busy = Reply.error(HttpResponseStatus.SERVICE_UNAVAILABLE, call.path(), "too many requests wait for an answer; try again");
            send(context, call, busy.with("retry-after", "1"), call.keepAlive());
        }
    }

    private Reply answerOrApologize(Endpoint endpoint, Call call) {
        try {
            return answers.api.answer(endpoint, call);
        } catch (RuntimeException | Error e) {
            return apology(call, e);
        }
    }

    /** To whoever asked what failed for a reason of ours, which is logged. */
    static Reply apology(Call call, Throwable e) {
        log.atError().setCause(e).log("could not answer {} {}", call.method(), call.path());
        return Reply.error(HttpResponseStatus.INTERNAL_SERVER_ERROR, call.path(), "could not answer; the relay's log says why");
    }

    private void answerByWorker(ChannelHandlerContext context, Call call, Function<SegmentWaits.Wait, WalReply> answer) {
        SegmentWaits.Wait mine = answers.wal.begin();
        wait = mine;
        try {
            answers.workers.execute(() -> {
                WalReply reply = answerOrApologize(call, () -> answer.apply(mine));
                try {
                    context.executor().execute(() -> deliver(context, call, reply));
                } catch (RejectedExecutionException e) {
                    drop(reply);
                }
            });
        } catch (RejectedExecutionException e) {
            log.atDebug().setCause(e).log("the server stops");
            context.close();
        }
    }

    private static WalReply answerOrApologize(Call call, Supplier<WalReply> answer) {
        try {
            return answer.get();
        } catch (RuntimeException | Error e) {
            return new WalReply.Plain(apology(call, e));
        }
    }

    private void deliver(ChannelHandlerContext context, Call call, WalReply reply) {
        if (wait != null) {
            wait.end();
            wait = null;
        }
        switch (reply) {
            case WalReply.File _, WalReply.Lines _ when !context.channel().isActive() -> drop(reply);
            case WalReply.Lines lines -> PiecesBody.send(context, call, lines, answers.workers, () -> ended(context, call.keepAlive()));
            case WalReply.File file -> WalBody.send(context, call, file, answers.workers, answers.counts, () -> ended(context, call.keepAlive()));
            case WalReply.Plain(var plain) -> send(context, call, plain, call.keepAlive());
        }
    }

    private static void drop(WalReply reply) {
        switch (reply) {
            case WalReply.File file -> file.file().close();
            case WalReply.Lines(var pieces) -> pieces.close();
            case WalReply.Plain _ -> {}
        }
    }

    private void ended(ChannelHandlerContext context, boolean keepAlive) {
        if (keepAlive) {
            goOn(context);
        } else {
            context.close();
        }
    }

    private void send(ChannelHandlerContext context, Call call, Reply reply, boolean keepAlive) {
        byte[] body = reply.body().getBytes(StandardCharsets.UTF_8);
        DefaultFullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, reply.status(), Unpooled.wrappedBuffer(body));
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, reply.contentType())
                .set(HttpHeaderNames.CONTENT_LENGTH, body.length)
                .set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_STORE)
                .set("x-content-type-options", "nosniff");
        if (reply.status().equals(HttpResponseStatus.NOT_MODIFIED)) {
            response.headers().remove(HttpHeaderNames.CONTENT_LENGTH); // It would be the length of what is not sent.
        }
        reply.headers().forEach((name, value) -> response.headers().set(name, value));
        response.headers().set(HttpHeaderNames.CONNECTION, keepAlive ? HttpHeaderValues.KEEP_ALIVE : HttpHeaderValues.CLOSE);
        if (call.method().equals(HttpMethod.HEAD)) {
            response.content().clear();
        }
        context.writeAndFlush(response).addListener(done -> {
            if (done.isSuccess()) {
                ended(context, keepAlive);
            } else {
                context.close();
            }
        });
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        boolean theirs = cause instanceof IOException || cause instanceof DecoderException || cause instanceof WriteTimeoutException;
        if (theirs) {
            log.atDebug().setCause(cause).log("HTTP connection from {} ended, answering {}", context.channel().remoteAddress(), answering);
        } else {
            log.atError().setCause(cause).log("HTTP connection from {} failed", context.channel().remoteAddress());
        }
        context.close();
    }
}
