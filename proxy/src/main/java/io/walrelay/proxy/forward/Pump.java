package io.walrelay.proxy.forward;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.ssl.SslCloseCompletionEvent;

/**
 * One end of a session that passes through: hands on what its channel receives, and reads no more of it than the other end takes. So what is
 * held is one reading, and what the other channel's outbound buffer has up to its high watermark. Confined to the event loop, which both ends share.
 */
public final class Pump extends ChannelInboundHandlerAdapter {

    /** What one end is connected to. */
    public interface Outlet {
        /** Takes over {@code bytes}. */
        void pass(ByteBuf bytes);

        /** Whether more may come. */
        boolean takesMore();

        /** The pump's own channel takes more, or no more: the other end is to read on, or to stop. */
        void writable(boolean now);

        /** Nothing more will be received; the channel may still be written to. Perhaps called more than once. */
        void halfClosed();

        /** The channel is closed. Perhaps called more than once. */
        void closed();
    }

    private final Outlet outlet;

    public Pump(Outlet outlet) {
        this.outlet = outlet;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        context.channel().config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        if (context.channel().isActive()) {
            context.channel().config().setAutoRead(outlet.takesMore());
        } else {
            outlet.closed();
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        outlet.pass((ByteBuf) message);
        if (!outlet.takesMore()) {
            context.channel().config().setAutoRead(false);
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        outlet.writable(context.channel().isWritable());
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent || event instanceof SslCloseCompletionEvent) {
            outlet.halfClosed();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        outlet.closed();
    }

    /** A reset, a TLS failure, or bytes that are no messages. */
    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        var _ = context.close();
    }
}
