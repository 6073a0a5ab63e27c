package io.walrelay.proxy.forward;

import io.netty.channel.ChannelHandler;
import io.netty.channel.EventLoop;
import io.walrelay.protocol.message.Diagnostic;
import java.util.concurrent.CompletionStage;

/** The way to the upstream in use, for clients of the relay. Thread-safe; never blocks its caller. */
public interface UpstreamAccess {

    /** What comes of a login: one of the two, once, on the event loop. */
    interface Arrival {
        /** The session stands. Returns who has what the server sends from now on. */
        ChannelHandler arrived(UpstreamSession session);

        /** There is none. {@code why} is FATAL, for the client. */
        void refused(Diagnostic why);
    }

    /** @param loop where the session's channel runs */
    void logIn(ForwardedLogin login, EventLoop loop, Arrival arrival);

    /** Cancels what {@code session} does. Completes, never exceptionally, once the server has seen to it or could not be told. */
    CompletionStage<Void> cancel(UpstreamSession session);
}
