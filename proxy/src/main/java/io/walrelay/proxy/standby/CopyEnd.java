package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.walrelay.protocol.codec.BackendEncoder;
import io.walrelay.protocol.message.BackendMessage.CopyDone;

/**
 * How one COPY comes to its end: both sides say CopyDone, or the relay stops and the standby is let go once it has confirmed
 * everything (walsender.c, WalSndDone). Confined to its event loop.
 */
final class CopyEnd {

    /** What a relay that stops does with a standby next. */
    enum Drain {
        /** There is more to be sent, or to be confirmed. */
        WAIT,
        ASK,
        LET_GO
    }

    private final Channel channel;
    private boolean sent;
    private boolean received;
    private boolean stopping;

    CopyEnd(Channel channel) {
        this.channel = channel;
    }

    /** Says CopyDone unless it was said; no WAL may follow. */
    void send() {
        if (!sent) {
            sent = true;
            ByteBuf out = channel.alloc().buffer();
            BackendEncoder.encode(new CopyDone(), out);
            channel.writeAndFlush(out, channel.voidPromise());
        }
    }

    /** The standby has said CopyDone. */
    void receive() {
        received = true;
    }

    boolean isSent() {
        return sent;
    }

    boolean isBothDone() {
        return sent && received;
    }

    void stop() {
        stopping = true;
    }

    boolean isStopping() {
        return stopping;
    }

    /**
     * @param all whether everything was sent
     * @param confirmed whether the standby has confirmed all that was sent
     */
    Drain drain(boolean all, boolean confirmed, boolean awaitingReply) {
        if (!stopping || !(sent || all)) {
            return Drain.WAIT;
        }
        if (confirmed) {
            return Drain.LET_GO;
        }
        return awaitingReply ? Drain.WAIT : Drain.ASK;
    }
}
