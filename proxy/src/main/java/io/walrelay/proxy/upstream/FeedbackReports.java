package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.walrelay.protocol.replication.FromStandby.HotStandbyFeedback;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.proxy.feedback.Feedback;
import io.walrelay.proxy.feedback.FeedbackPace;
import io.walrelay.wal.Xmins;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Tells upstream on one stream what it is to keep for the standbys; {@link FeedbackPace} says when. Confined to the WAL writer thread. */
final class FeedbackReports {

    private final Channel channel;
    private final Feedback feedback;
    private final Clock clock;
    private final long everyNanos;
    private long last = System.nanoTime();
    private @Nullable Xmins sent;

    /** @param everyNanos the longest time between two messages while anything is held, and the shortest before less is */
    FeedbackReports(Channel channel, Feedback feedback, Clock clock, long everyNanos) {
        this.channel = channel;
        this.feedback = feedback;
        this.clock = clock;
        this.everyNanos = everyNanos;
    }

    /** The stream begins. */
    void begin(long now) {
        last = now;
        reportIfDue(now);
    }

    /** To a peer that does not read, later. */
    void reportIfDue(long now) {
        if (channel.isWritable()) {
            List<Xmins> due = FeedbackPace.due(Optional.ofNullable(sent), feedback.horizons().reported(), now - last >= everyNanos);
            if (!due.isEmpty()) {
                send(due);
                last = now;
            }
        }
    }

    private void send(List<Xmins> messages) {
        ByteBuf out = channel.alloc().buffer();
        for (Xmins message : messages) {
            FromStandbyCodec.encode(HotStandbyFeedback.of(message, PgTime.of(clock.instant())), out);
            sent = message;
        }
        var _ = channel.writeAndFlush(out);
    }
}
