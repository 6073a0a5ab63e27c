package io.walrelay.proxy.http;

import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.AttributeKey;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.walrelay.proxy.state.Event;
import io.walrelay.proxy.state.Events;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Events to one client as they happen, the recent ones first (HTML standard, server-sent events). A client that does not take
 * them is let go as soon as its send buffer is full; it gets the recent ones again when it comes back.
 */
final class EventStream {

    private static final AttributeKey<ChannelGroup> STREAMS = AttributeKey.valueOf(EventStream.class, "streams");

    /** More often than the half minute after which proxies give up. */
    private static final int KEEPALIVE_SECONDS = 15;

    private static final String SNAPSHOTS = "snapshots";

    private EventStream() {}

    /** Why the query is not one of this; empty when it is. */
    static Optional<Reply> refuse(Call call) {
        return call.query().isEmpty() || wantsSnapshots(call)
                ? Optional.empty()
                : Optional.of(Reply.error(HttpResponseStatus.BAD_REQUEST, call.path(), "query \"%s\" is unknown; expected %s or none".formatted(call.query(), SNAPSHOTS)));
    }

    static boolean wantsSnapshots(Call call) {
        return call.query().equals(SNAPSHOTS);
    }

    /**
     * Answers with a stream that ends with the connection; does nothing and returns false when there are too many already.
     *
     * @param snapshots that are sent in between
     */
    static boolean begin(ChannelHandlerContext context, Events events, Optional<Snapshots> snapshots, HttpLimits limits) {
        Channel channel = context.channel();
        ChannelGroup streams = streamsOf(channel.parent());
        if (streams.size() >= limits.eventStreams()) {
            return false;
        }
        streams.add(channel);
        context.write(describe(new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK)));
        // Where a snapshot may be under way the buffer is full for a moment; how long, WriteTimeoutHandler watches.
        Consumer<String> sending = snapshots.isPresent() ? text -> sendNow(context, text) : text -> sendIfTaken(context, text);
        Consumer<Event> listener = event -> context.executor().execute(() -> sending.accept(text(event)));
        events.listen(listener).forEach(event -> send(context, text(event)));
        context.flush();
        snapshots.ifPresent(all -> all.show(context));
        Future<?> keepalive = context.executor()
                .scheduleAtFixedRate(() -> sending.accept(": keepalive\n\n"), KEEPALIVE_SECONDS, KEEPALIVE_SECONDS, TimeUnit.SECONDS);
        channel.closeFuture().addListener(closed -> {
            events.forget(listener);
            keepalive.cancel(false);
        });
        return true;
    }

    /** The answer to HEAD: what a stream begins with, and no stream. It has no length, so the connection ends with it. */
    static void head(ChannelHandlerContext context) {
        context.writeAndFlush(describe(new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, Unpooled.EMPTY_BUFFER)))
                .addListener(ChannelFutureListener.CLOSE);
    }

    private static HttpResponse describe(HttpResponse response) {
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, "text/event-stream; charset=utf-8")
                .set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_STORE)
                .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        return response;
    }

    /**
     * Ends those that there are, as who may look is asked only when one begins. Who still may comes again by himself.
     *
     * @param server the channel that listens; on the event loop of its connections
     */
    static void endAll(Channel server) {
        var _ = streamsOf(server).close();
    }

    /** They leave it when they end. */
    private static ChannelGroup streamsOf(Channel server) {
        ChannelGroup fresh = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
        ChannelGroup known = server.attr(STREAMS).setIfAbsent(fresh);
        return known == null ? fresh : known;
    }

    private static void sendIfTaken(ChannelHandlerContext context, String text) {
        if (context.channel().isWritable()) {
            sendNow(context, text);
        } else {
            context.close();
        }
    }

    private static void sendNow(ChannelHandlerContext context, String text) {
        send(context, text);
        context.flush();
    }

    private static void send(ChannelHandlerContext context, String text) {
        context.write(new DefaultHttpContent(ByteBufUtil.writeUtf8(context.alloc(), text)));
    }

    private static String text(Event event) {
        return message(event.severity().name().toLowerCase(Locale.ROOT), Reports.event(event));
    }

    static String text(Snapshot snapshot) {
        return message("snapshot", snapshot);
    }

    /** JSON has no line ends of its own, so one data line holds it. */
    private static String message(String type, Object data) {
        return "event: %s\ndata: %s\n\n".formatted(type, Json.MAPPER.writeValueAsString(data));
    }
}
