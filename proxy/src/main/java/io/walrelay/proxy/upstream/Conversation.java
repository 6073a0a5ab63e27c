package io.walrelay.proxy.upstream;

import io.walrelay.protocol.message.BackendMessage;

/** One command and its answer on a connection to a server. All methods are called on the connection's event loop. */
interface Conversation {

    /** The command was sent. */
    default void begun() {}

    /** Takes over {@code message}. Returns whether it was the last one. */
    boolean on(BackendMessage message);

    /** All that the socket had was handed over. */
    void pause();

    /** The socket takes more again, after it did not. */
    default void writable() {}

    /** The connection ended before the answer did. */
    void lost(UpstreamException why);
}
