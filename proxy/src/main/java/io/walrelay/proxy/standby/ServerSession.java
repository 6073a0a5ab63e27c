package io.walrelay.proxy.standby;

import io.netty.channel.Channel;

/** A session of the port, as far as its end goes. The last two are called on its event loop. */
interface ServerSession {

    Channel channel();

    /** Lets the session go: at once, or as soon as it has got what it is owed. */
    void stop();

    /** Ends the session now. */
    void terminate();
}
