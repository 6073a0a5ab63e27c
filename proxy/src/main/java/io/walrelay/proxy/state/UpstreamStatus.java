package io.walrelay.proxy.state;

import io.walrelay.wal.Lsn;
import java.time.Instant;
import java.util.Optional;

/**
 * How the link to upstream is.
 *
 * @param host {@code host:port} in use or tried last
 * @param since when {@code state} began
 * @param received end of the last byte that came
 * @param upstreamEnd where upstream said that its own WAL ends
 * @param acknowledged what was reported to upstream as flushed; {@link Lsn#INVALID} when nothing was
 * @param lastMessage when upstream was last heard of
 * @param problem why it is not streaming, or why not as {@code walrelay follow} said; empty when all is as it should be
 */
public record UpstreamStatus(
        State state,
        Optional<String> host,
        Instant since,
        Lsn received,
        Lsn upstreamEnd,
        Lsn acknowledged,
        Optional<Instant> lastMessage,
        Optional<String> problem) {

    public enum State {
        CONNECTING,
        STREAMING,
        /** No host can be used now; tried again by itself. */
        WAITING,
        /** Somebody has to decide: see {@code problem}. */
        STOPPED
    }

    /** The host that is streamed from; empty while none is. */
    public Optional<String> streamingFrom() {
        return state == State.STREAMING ? host : Optional.empty();
    }
}
