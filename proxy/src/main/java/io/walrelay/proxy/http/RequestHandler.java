package io.walrelay.proxy.http;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
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
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.WriteTimeoutException;
import io.netty.util.concurrent.Future;
import io.walrelay.proxy.state.Events;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
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

    private final Access access;
    private final Api api;
    private final Events events;
    private final ExecutorService reader;
    private final HttpLimits limits;
    private final Deque<FullHttpRequest> waiting = new ArrayDeque<>();
    private @Nullable Future<?> deadline;
    private boolean answering;

    RequestHandler(Access access, Api api, Events events, ExecutorService reader, HttpLimits limits) {
        this.access = access;
        this.api = api;
        this.events = events;
        this.reader = reader;
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
        waiting.forEach(FullHttpRequest::release);
        waiting.clear();
        context.fireChannelInactive();
    }

    private void stopClock() {
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
        Call call = Call.of(context.pipeline().get(SslHandler.class) == null ? "http" : "https", request);
        if (request.decoderResult().isFailure()) {
            send(context, call, malformed(request.decoderResult().cause()), false);
            return;
        }
        Optional<Endpoint> endpoint = Endpoint.at(call.path());
        if (endpoint.map(Endpoint::audience).orElse(Endpoint.Audience.THE_ADMITTED) == Endpoint.Audience.THE_ADMITTED) {
            switch (access.decide(evidence(context, request))) {
                case Access.Decision.Granted() -> {}
                case Access.Decision.Unknown(String reason) -> {
                    Reply reply = Reply.error(HttpResponseStatus.UNAUTHORIZED, call.path(), reason);
                    send(context, call, reply.with("www-authenticate", "Bearer realm=\"walrelay\""), call.keepAlive());
                    return;
                }
                case Access.Decision.Forbidden(String reason) -> {
                    send(context, call, Reply.error(HttpResponseStatus.FORBIDDEN, call.path(), reason), call.keepAlive());
                    return;
                }
            }
        }
        if (endpoint.isEmpty()) {
            String text = "nothing at this path; expected one of " + Endpoint.paths();
            send(context, call, Reply.error(HttpResponseStatus.NOT_FOUND, call.path(), text), call.keepAlive());
        } else if (!endpoint.get().takes(call.method())) {
            String allowed = endpoint.get().allow();
            String text = "method %s is not for this path; expected %s".formatted(call.method(), allowed);
            send(context, call, Reply.error(HttpResponseStatus.METHOD_NOT_ALLOWED, call.path(), text).with("allow", allowed), call.keepAlive());
        } else {
            answer(context, endpoint.get(), call);
        }
    }

    private static Reply malformed(Throwable cause) {
        return switch (cause) {
            case TooLongHttpLineException e -> Reply.text(HttpResponseStatus.REQUEST_URI_TOO_LONG, "request line too long");
            case TooLongHttpHeaderException e -> Reply.text(HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "request header too large");
            default -> Reply.text(HttpResponseStatus.BAD_REQUEST, "not an HTTP request: expected a request line and header fields as in RFC 9112");
        };
    }

    private static Access.Request evidence(ChannelHandlerContext context, FullHttpRequest request) {
        boolean changes = !request.method().equals(HttpMethod.GET) && !request.method().equals(HttpMethod.HEAD);
        boolean loopback = context.channel().remoteAddress() instanceof InetSocketAddress peer && peer.getAddress().isLoopbackAddress();
        SslHandler tls = context.pipeline().get(SslHandler.class);
        return new Access.Request(
                changes,
                loopback,
                Optional.ofNullable(request.headers().get(HttpHeaderNames.HOST)),
                Optional.ofNullable(request.headers().get(HttpHeaderNames.AUTHORIZATION)),
                tls != null && HttpTls.certified(tls));
    }

    private void answer(ChannelHandlerContext context, Endpoint endpoint, Call call) {
        switch (endpoint) {
            // A disk that hangs must not make the process look dead.
            case HEALTHZ -> send(context, call, Api.health(), call.keepAlive());
            case EVENTS -> {
                if (call.method().equals(HttpMethod.HEAD)) {
                    EventStream.head(context);
                } else if (!EventStream.begin(context, events, limits)) {
                    Reply reply = Reply.error(
                            HttpResponseStatus.SERVICE_UNAVAILABLE,
                            call.path(),
                            "too many event streams; expected at most " + limits.eventStreams());
                    send(context, call, reply.with("retry-after", "10"), call.keepAlive());
                }
            }
            case READYZ, METRICS, STATUS, STANDBYS, SLOTS, UPSTREAM, RESTORE_SH -> answerByReader(context, endpoint, call);
        }
    }

    private void answerByReader(ChannelHandlerContext context, Endpoint endpoint, Call call) {
        try {
            reader.execute(() -> {
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
            return api.answer(endpoint, call);
        } catch (RuntimeException | OutOfMemoryError e) {
            log.atError().setCause(e).log("could not answer {} {}", call.method(), call.path());
            return Reply.error(HttpResponseStatus.INTERNAL_SERVER_ERROR, call.path(), "could not answer; the relay's log says why");
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
        reply.headers().forEach((name, value) -> response.headers().set(name, value));
        response.headers().set(HttpHeaderNames.CONNECTION, keepAlive ? HttpHeaderValues.KEEP_ALIVE : HttpHeaderValues.CLOSE);
        if (call.method().equals(HttpMethod.HEAD)) {
            response.content().clear();
        }
        ChannelFuture sent = context.writeAndFlush(response);
        if (!keepAlive) {
            sent.addListener(ChannelFutureListener.CLOSE);
            return;
        }
        sent.addListener(done -> {
            if (done.isSuccess()) {
                goOn(context);
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
