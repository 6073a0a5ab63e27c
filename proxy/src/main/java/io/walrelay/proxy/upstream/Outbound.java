package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.message.FrontendMessage;

/** Puts messages on a channel. Any thread. */
final class Outbound {

    private Outbound() {}

    static void send(Channel channel, FrontendMessage message) {
        var _ = channel.writeAndFlush(encoded(channel, message));
    }

    /** Says good-bye, and closes once that was sent. */
    static void terminate(Channel channel) {
        var _ = channel.writeAndFlush(encoded(channel, new FrontendMessage.Terminate())).addListener(ChannelFutureListener.CLOSE);
    }

    private static ByteBuf encoded(Channel channel, FrontendMessage message) {
        ByteBuf out = channel.alloc().buffer();
        FrontendEncoder.encode(message, out);
        return out;
    }
}
