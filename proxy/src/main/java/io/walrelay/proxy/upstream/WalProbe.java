package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.netty.channel.EventLoopGroup;
import io.netty.util.ReferenceCountUtil;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Finds out which WAL a host still has by asking for it: a walsender says "already removed" only when it reads. Confined to the control
 * thread.
 */
final class WalProbe {

    private final UpstreamDialer dialer;
    private final EventLoopGroup group;
    private final Duration limit;

    WalProbe(UpstreamDialer dialer, EventLoopGroup group, LinkTiming timing) {
        this.dialer = dialer;
        this.group = group;
        this.limit = timing.answer();
    }

    /**
     * The oldest segment from which {@code host} has WAL without a break up to its end.
     *
     * @param above the beginning of a segment that is not wanted, or not there
     * @return its beginning, past {@code above}; empty when not even the segment that is written now can be read
     */
    Optional<Lsn> oldest(HostAddress host, TimelineHistory lineage, SegmentSize size, Lsn above, Lsn flushed)
            throws UpstreamException, InterruptedException {
        long absent = size.segmentNumber(above);
        long present = size.segmentNumber(flushed);
        if (!has(host, lineage, size.start(present))) {
            return Optional.empty();
        }
        while (present - absent > 1) {
            long middle = absent + (present - absent) / 2;
            if (has(host, lineage, size.start(middle))) {
                present = middle;
            } else {
                absent = middle;
            }
        }
        return Optional.of(size.start(present));
    }

    /** Whether the host can send the WAL that begins at {@code start}. */
    boolean has(HostAddress host, TimelineHistory lineage, Lsn start) throws UpstreamException, InterruptedException {
        try (UpstreamConnection connection = dialer.connect(host, SessionKind.PHYSICAL_REPLICATION, group)) {
            var _ = connection.identify();
            FirstPiece first = new FirstPiece();
            connection.begin(new ReplicationCommand.StartPhysical(Optional.empty(), start, Optional.of(lineage.timelineAt(start))), first);
            return UpstreamConnection.await(first.comes, limit, "START_REPLICATION");
        }
    }

    /** Waits for the first WAL, or for the error that there is none. Confined to its channel's event loop. */
    private static final class FirstPiece implements Conversation {
        private final CompletableFuture<Boolean> comes = new CompletableFuture<>();
        private @Nullable Diagnostic error;

        @Override
        public boolean on(BackendMessage message) {
            if (message instanceof BackendMessage.CopyData(var data)) {
                // A keepalive that comes first means that the host has sent all it has.
                comes.complete(true);
                ReferenceCountUtil.release(data);
            } else if (message instanceof BackendMessage.ErrorResponse(var diagnostic)) {
                error = diagnostic;
                if (diagnostic.sqlState().equals(UpstreamException.UNDEFINED_FILE)) {
                    comes.complete(false);
                } else {
                    comes.completeExceptionally(new UpstreamException("START_REPLICATION", diagnostic));
                }
            } else if (message instanceof BackendMessage.Other(_, var body)) {
                ReferenceCountUtil.release(body);
            }
            return message instanceof BackendMessage.ReadyForQuery;
        }

        @Override
        public void pause() {
            // Nothing is kept.
        }

        @Override
        public void lost(UpstreamException why) {
            Diagnostic failure = error;
            comes.completeExceptionally(failure == null ? why : new UpstreamException("START_REPLICATION", failure));
        }
    }
}
