package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.util.ReferenceCountUtil;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.replication.FromStandby;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.Xmins;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A START_REPLICATION that is ended at once, after one report: it moves the slot, which keeps no rows then, and needs no SQL (walsender.c,
 * PhysicalConfirmReceivedLocation). WAL that comes meanwhile is dropped. Confined to its channel's event loop, but for {@link #done}.
 */
final class SlotAdvance implements Conversation {

    private final Channel channel;
    private final Lsn to;
    private final long sendTime;
    private final CompletableFuture<Boolean> done = new CompletableFuture<>();
    private boolean reported;
    private @Nullable Diagnostic error;

    SlotAdvance(Channel channel, Lsn to, long sendTime) {
        this.channel = channel;
        this.to = to;
        this.sendTime = sendTime;
    }

    /** Whether the report was made: not, when the timeline ends at the position. An {@link UpstreamException} when it was refused. */
    CompletableFuture<Boolean> done() {
        return done;
    }

    @Override
    public boolean on(BackendMessage message) {
        switch (message) {
            case BackendMessage.CopyBothResponse _ -> report();
            case BackendMessage.CopyData(var data) -> ReferenceCountUtil.release(data);
            case BackendMessage.ErrorResponse(var diagnostic) -> error = diagnostic;
            case BackendMessage.ReadyForQuery _ -> {
                Diagnostic failure = error;
                if (failure == null) {
                    done.complete(reported);
                } else {
                    done.completeExceptionally(new UpstreamException("START_REPLICATION", failure));
                }
                return true;
            }
            case BackendMessage.Other(_, var body) -> ReferenceCountUtil.release(body);
            case BackendMessage.CopyDone _, BackendMessage.DataRow _, BackendMessage.RowDescription _, BackendMessage.CommandComplete _ -> {
                // The end of the stream in its usual order.
            }
            case BackendMessage.NoticeResponse _, BackendMessage.ParameterStatus _, BackendMessage.EmptyQueryResponse _ -> {
                // May come at any time.
            }
            case BackendMessage.Authentication _, BackendMessage.BackendKeyData _, BackendMessage.NegotiateProtocolVersion _, BackendMessage.ExtendedAnswer _ ->
                done.completeExceptionally(
                        new UpstreamException("server sent %s into the stream".formatted(message.getClass().getSimpleName())));
        }
        return false;
    }

    private void report() {
        ByteBuf out = channel.alloc().buffer();
        FromStandbyCodec.encode(new FromStandby.StandbyStatusUpdate(to, to, Lsn.INVALID, sendTime, false), out);
        // Rows are kept by the host in use. What this one was told to keep when it was that, it would keep for ever.
        FromStandbyCodec.encode(FromStandby.HotStandbyFeedback.of(Xmins.NONE, sendTime), out);
        FrontendEncoder.encode(new FrontendMessage.CopyDone(), out);
        var _ = channel.writeAndFlush(out);
        reported = true;
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
