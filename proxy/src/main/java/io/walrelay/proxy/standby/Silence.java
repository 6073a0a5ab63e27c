package io.walrelay.proxy.standby;

import java.time.Duration;

/**
 * How long a standby and its sender said nothing to each other, and what has to be done about it (walsender.c,
 * WalSndKeepaliveIfNecessary and WalSndCheckTimeOut). No I/O. Times are System.nanoTime. Confined to the session's event loop.
 */
final class Silence {

    /** What is due. */
    enum Step {
        NOTHING,
        KEEPALIVE,
        /** A keepalive that asks for a reply. */
        ASK,
        HANG_UP
    }

    private final long timeout;
    private long lastReceived;
    private long lastSent;
    /** A reply was asked for and none came since. */
    private boolean awaitingReply;

    Silence(Duration timeout, long now) {
        this.timeout = timeout.toNanos();
        this.lastReceived = now;
        this.lastSent = now;
    }

    void heard(long now) {
        lastReceived = now;
        awaitingReply = false;
    }

    void wrote(long now) {
        lastSent = now;
    }

    void asked() {
        awaitingReply = true;
    }

    boolean awaitingReply() {
        return awaitingReply;
    }

    /** While WAL is streamed. */
    Step due(long now) {
        long silence = now - lastReceived;
        if (silence >= timeout) {
            return Step.HANG_UP;
        }
        if (silence >= timeout / 2 && !awaitingReply) {
            return Step.ASK;
        }
        // A standby hangs up when it hears nothing for wal_receiver_timeout, which has the same default.
        return now - lastSent >= timeout / 3 ? Step.KEEPALIVE : Step.NOTHING;
    }

    /** While the standby waits for a position that the relay has not: it is told each time where the relay is. */
    Step dueWhileAhead(long now) {
        Step due = due(now);
        return due == Step.NOTHING ? Step.KEEPALIVE : due;
    }

    /**
     * Whether a keepalive is to be written. When the channel is full there is enough under way for the standby to hear, so that
     * what only says so can be left out; but one who reports only when asked has to be asked, or it is taken for dead in the
     * middle of catching up. {@link #awaitingReply} bounds those to one.
     */
    static boolean isWorthWriting(boolean asks, boolean writable) {
        return asks || writable;
    }
}
