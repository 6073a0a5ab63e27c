package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.util.ReferenceCountUtil;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalVerifier.Again;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.replication.FromServer;
import io.walrelay.protocol.replication.FromServerCodec;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Asks a host once more for WAL that is held and damaged, in a session of its own. That session's channel lives on the WAL writer thread: what
 * comes is compared and mended right there. Thread-safe.
 */
record Mending(UpstreamDialer dialer, WalWriterThread writer) {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    /** See {@link UpstreamLink#mend}. */
    Again mend(HostAddress host, WalCache cache, TimelineHistory lineage, Lsn from, Lsn end) throws IOException, InterruptedException {
        try (UpstreamConnection connection = dialer.connect(host, SessionKind.PHYSICAL_REPLICATION, writer.group())) {
            if (!connection.identify().equals(cache.system())) {
                throw new IOException("%s is another cluster by now".formatted(host));
            }
            Comparison comparison = new Comparison(cache, lineage, from, end);
            // By the timeline that has the segment's last byte: there the server begins a timeline's first segment with what came before.
            var command = new ReplicationCommand.StartPhysical(Optional.empty(), from, Optional.of(lineage.timelineAt(end.plus(-1))));
            connection.begin(command, comparison);
            return UpstreamConnection.await(comparison.done, LIMIT, "START_REPLICATION of damaged WAL");
        } catch (UpstreamException e) {
            throw new IOException("%s: %s".formatted(host, e.reason()), e);
        }
    }

    /** Confined to the WAL writer thread. */
    private static final class Comparison implements Conversation {
        private final WalCache cache;
        private final TimelineHistory lineage;
        private final Lsn end;
        private final CompletableFuture<Again> done = new CompletableFuture<>();
        private Lsn at;
        private boolean changed;

        Comparison(WalCache cache, TimelineHistory lineage, Lsn from, Lsn end) {
            this.cache = cache;
            this.lineage = lineage;
            this.at = from;
            this.end = end;
        }

        @Override
        public boolean on(BackendMessage message) {
            switch (message) {
                case BackendMessage.CopyData(var data) -> onData(data);
                case BackendMessage.ErrorResponse(var diagnostic) when diagnostic.sqlState().equals(UpstreamException.UNDEFINED_FILE) -> done.complete(Again.GONE);
                case BackendMessage.ErrorResponse(var diagnostic) ->
                    done.completeExceptionally(new UpstreamException("START_REPLICATION", diagnostic));
                case BackendMessage.CopyDone _ -> done.completeExceptionally(new UpstreamException("its timeline ends at %s, before %s".formatted(at, end)));
                case BackendMessage.Other(_, var body) -> ReferenceCountUtil.release(body);
                default -> {}
            }
            return message instanceof BackendMessage.ReadyForQuery;
        }

        private void onData(ByteBuf data) {
            if (FromServerCodec.decode(data) instanceof FromServer.XLogData(var start, _, _, var wal)) {
                try {
                    if (!done.isDone()) {
                        compare(start, wal);
                    }
                } catch (IOException | RuntimeException e) {
                    done.completeExceptionally(e);
                } finally {
                    wal.release();
                }
            }
        }

        private void compare(Lsn start, ByteBuf wal) throws IOException {
            if (!start.equals(at)) {
                throw new IOException("WAL at %s came; expected %s".formatted(start, at));
            }
            int wanted = (int) Math.min(wal.readableBytes(), end.minus(start));
            changed |= wanted > 0 && cache.mend(lineage, start, wal.nioBuffer(wal.readerIndex(), wanted));
            at = start.plus(wanted);
            if (at.equals(end)) {
                done.complete(changed ? Again.MENDED : Again.SAME);
            }
        }

        @Override
        public void pause() {
            // Nothing is kept.
        }

        @Override
        public void lost(UpstreamException why) {
            done.completeExceptionally(why);
        }
    }
}
