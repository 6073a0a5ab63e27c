package io.walrelay.proxy.upstream;

import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.forward.UpstreamAccess;
import io.walrelay.proxy.forward.UpstreamSession;

/** Passes on what comes of a login first: the server may still answer one that is given up. Confined to the event loop. */
final class FirstArrival implements UpstreamAccess.Arrival {

    private final UpstreamAccess.Arrival arrival;
    private boolean over;

    FirstArrival(UpstreamAccess.Arrival arrival) {
        this.arrival = arrival;
    }

    @Override
    public ChannelHandler arrived(UpstreamSession session) {
        if (over) {
            var _ = session.channel().close();
            return new ChannelInboundHandlerAdapter();
        }
        ChannelHandler next = arrival.arrived(session);
        over = true;
        return next;
    }

    @Override
    public void refused(Diagnostic why) {
        if (!over) {
            over = true;
            arrival.refused(why);
        }
    }
}
