package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.walrelay.protocol.codec.FrontendDecoder;
import io.walrelay.protocol.codec.FrontendLimits;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolViolation;
import java.util.List;

/** Cuts what a client sends into messages. After a violation, which goes up as an exception, everything is dropped. */
final class FrontendFrames extends ByteToMessageDecoder {

    private final FrontendDecoder decoder = new FrontendDecoder(FrontendLimits.DEFAULT);
    private boolean decoding;
    private boolean broken;

    @Override
    protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        if (broken) {
            in.skipBytes(in.readableBytes());
            return;
        }
        try {
            FrontendMessage message = decoder.decode(in);
            if (message != null) {
                out.add(message);
            }
        } catch (ProtocolViolation violation) {
            broken = true;
            in.skipBytes(in.readableBytes());
            ctx.fireExceptionCaught(violation);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) throws Exception {
        decoding = true;
        try {
            super.channelRead(ctx, message);
        } finally {
            decoding = false;
        }
    }

    /** Says how to read the next message, and reads it if it is there already. */
    void expect(ChannelHandlerContext any, FrontendDecoder.Phase phase) {
        decoder.expect(phase);
        if (!decoding && actualReadableBytes() > 0) {
            any.pipeline().context(this).executor().execute(() -> {
                ChannelHandlerContext own = any.pipeline().context(this);
                if (own != null) {
                    readOn(own);
                }
            });
        }
    }

    private void readOn(ChannelHandlerContext own) {
        try {
            channelRead(own, Unpooled.EMPTY_BUFFER);
        } catch (Exception e) {
            own.fireExceptionCaught(e);
        }
    }

    /** Bytes that came and were not read yet. */
    int unread() {
        return actualReadableBytes();
    }
}
