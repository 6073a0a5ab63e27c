package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.util.concurrent.ScheduledFuture;
import io.walrelay.protocol.codec.BackendEncoder;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.TransactionStatus;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Everything that one session is told outside of a stream. Confined to its event loop. */
final class Answers {

    /** How long a client may take to read what was written before its end. One that reads nothing at all would stay for ever. */
    private static final Duration CLOSE = Duration.ofSeconds(5);

    private final Channel channel;

    Answers(Channel channel) {
        this.channel = channel;
    }

    void write(BackendMessage message) {
        ByteBuf out = channel.alloc().buffer();
        BackendEncoder.encode(message, out);
        channel.write(out, channel.voidPromise());
    }

    /** The answer to one command, after which the next may come. */
    void finish(List<BackendMessage> answer) {
        answer.forEach(this::write);
        write(new ReadyForQuery(TransactionStatus.IDLE));
    }

    void refuse(Diagnostic why) {
        finish(List.of(new ErrorResponse(why)));
    }

    void flush() {
        channel.flush();
    }

    /** Closes the connection once all is out, after some seconds in any case. */
    void close() {
        close(CLOSE);
    }

    /** Closes the connection once all is out, after {@code limit} in any case. */
    void close(Duration limit) {
        closeAfter(limit);
        channel.writeAndFlush(channel.alloc().buffer(0)).addListener(ChannelFutureListener.CLOSE);
    }

    /** Closes the connection after some seconds, whatever is not out by then. */
    void closeAtLatest() {
        closeAfter(CLOSE);
    }

    private void closeAfter(Duration limit) {
        ScheduledFuture<?> deadline = channel.eventLoop().schedule(() -> channel.close(), limit.toMillis(), TimeUnit.MILLISECONDS);
        channel.closeFuture().addListener(_ -> deadline.cancel(false));
    }
}
