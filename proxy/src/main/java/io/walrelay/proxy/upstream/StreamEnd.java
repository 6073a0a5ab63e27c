package io.walrelay.proxy.upstream;

import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;

/** How a {@link WalStream} ended. */
sealed interface StreamEnd {
    /** Upstream's timeline ends, or ended at or before where we asked; {@code timeline} follows it at {@code start}. */
    record NextTimeline(TimelineId timeline, Lsn start) implements StreamEnd {}

    /** Upstream answered with an error; the session can take another command. */
    record Refused(Diagnostic error) implements StreamEnd {}

    /** The connection is gone, or useless. */
    record Lost(String reason) implements StreamEnd {}

    /** We ended it. */
    record Stopped() implements StreamEnd {}

    /** Nothing could be taken in for so long that we ended it: upstream can't shut down while it waits for us. Its slot keeps the WAL. */
    record GivenBack() implements StreamEnd {}

    /** There was no memory for what came. */
    record NoMemory(String reason) implements StreamEnd {}

    /** Upstream's bytes are not ours. */
    record Diverged(String reason) implements StreamEnd {}
}
