package io.walrelay.proxy.standby;

import io.netty.channel.Channel;

/** A session of the port, as far as its end goes. All but the first are called on its event loop. */
interface ServerSession {

    Channel channel();

    /** Lets the session go: at once, or as soon as it has got what it is owed. */
    void stop();

    /** The relay streams from {@code host} now: what the session has on another one has to end. */
    void upstreamIs(String host);

    /** Ends the session now. */
    void terminate();
}
