package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.walrelay.protocol.replication.FromServerCodec;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.wal.Lsn;
import java.time.Clock;

/** The keepalives of one stream, with what {@link Silence} has to know of them. Confined to its event loop. */
final class Keepalives {

    private final Channel channel;
    private final Clock clock;
    private final Silence silence;

    Keepalives(Channel channel, Clock clock, Silence silence) {
        this.channel = channel;
        this.clock = clock;
        this.silence = silence;
    }

    /**
     * Says where the stream is, unless the standby has enough to hear.
     *
     * @param asks whether the standby is to reply at once
     */
    void send(Lsn position, boolean asks) {
        if (!Silence.isWorthWriting(asks, channel.isWritable())) {
            return;
        }
        ByteBuf out = channel.alloc().buffer(FromServerCodec.KEEPALIVE);
        FromServerCodec.writeKeepalive(out, position, PgTime.of(clock.instant()), asks);
        channel.writeAndFlush(out, channel.voidPromise());
        silence.wrote(System.nanoTime());
        if (asks) {
            silence.asked();
        }
    }
}
