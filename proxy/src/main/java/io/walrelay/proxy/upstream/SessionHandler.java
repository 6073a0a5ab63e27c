package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.ReferenceCountUtil;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolViolation;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Leads one {@link Conversation} after the other on a session that stands. Confined to its channel's event loop. */
final class SessionHandler extends ChannelInboundHandlerAdapter {

    private static final Logger log = LoggerFactory.getLogger(SessionHandler.class);

    private final HostAddress host;
    private @Nullable MessageReader reader;
    private @Nullable Conversation conversation;
    private @Nullable UpstreamException end;

    SessionHandler(HostAddress host) {
        this.host = host;
    }

    /** Sends {@code message} and lets {@code next} have the answer. */
    void converse(ChannelHandlerContext context, FrontendMessage message, Conversation next) {
        UpstreamException over = end;
        if (over != null || !context.channel().isActive()) {
            next.lost(over != null ? over : new UpstreamException("the connection is closed"));
            return;
        }
        if (conversation != null) {
            next.lost(new UpstreamException("the connection is busy with another command"));
            return;
        }
        conversation = next;
        Outbound.send(context.channel(), message);
        next.begun();
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        reader = new MessageReader(context.alloc(), message -> on(context, message));
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ByteBuf in = (ByteBuf) message;
        MessageReader messages = reader;
        if (messages == null || end != null) {
            in.release();
        } else {
            messages.read(in);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        Conversation current = conversation;
        if (current != null) {
            current.pause();
        }
        context.fireChannelReadComplete();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        Conversation current = conversation;
        if (current != null && context.channel().isWritable()) {
            current.writable();
        }
        context.fireChannelWritabilityChanged();
    }

    private void on(ChannelHandlerContext context, BackendMessage message) {
        if (end != null) {
            release(message);
            return;
        }
        Conversation current = conversation;
        if (current != null) {
            if (current.on(message)) {
                conversation = null;
            }
            return;
        }
        switch (message) {
            // A server that shuts down says so to idle sessions too.
            case BackendMessage.ErrorResponse(var diagnostic) -> close(context, new UpstreamException(diagnostic.toString()));
            case BackendMessage.ParameterStatus _, BackendMessage.NoticeResponse _ -> log.debug("{}: {}", host, message);
            default -> {
                release(message);
                close(context, new UpstreamException("server sent %s unasked".formatted(message.getClass().getSimpleName())));
            }
        }
    }

    /** Lets go of a message that nobody wants. */
    static void release(BackendMessage message) {
        if (message instanceof BackendMessage.CopyData(var data)) {
            ReferenceCountUtil.release(data);
        } else if (message instanceof BackendMessage.Other(_, var body)) {
            ReferenceCountUtil.release(body);
        }
    }

    private void close(ChannelHandlerContext context, UpstreamException why) {
        end(why);
        var _ = context.close();
    }

    private void end(UpstreamException why) {
        if (end == null) {
            end = why;
            Conversation current = conversation;
            conversation = null;
            if (current != null) {
                current.lost(why);
            }
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        end(new UpstreamException("server closed the connection unexpectedly"));
        MessageReader messages = reader;
        if (messages != null) {
            messages.close();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        if (!(cause instanceof ProtocolViolation) && !(cause instanceof java.io.IOException)) {
            log.error("{}: failure in the connection", host, cause);
        }
        close(context, new UpstreamException(String.valueOf(cause.getMessage()), cause));
    }
}
