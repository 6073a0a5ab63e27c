package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import org.junit.jupiter.api.Test;

class PiecesBodyTest {

    /** Never has anything to say. */
    private static final class Silent implements WalReply.Pieces {
        private int asked;
        private boolean closed;

        @Override
        public Optional<byte[]> next() {
            asked++;
            return Optional.of(new byte[0]);
        }

        @Override
        public void close() {
            closed = true;
        }
    }

    @Test
    void nothingIsMadeForAClientThatHasGone() {
        EmbeddedChannel channel = new EmbeddedChannel(new ChannelDuplexHandler());
        Queue<Runnable> work = new ArrayDeque<>();
        Silent pieces = new Silent();
        Call call = Call.of(channel.pipeline(), new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/"));
        PiecesBody.send(channel.pipeline().lastContext(), call, new WalReply.Lines(pieces), work::add, () -> {});
        for (int i = 0; i < 3; i++) {
            work.remove().run();
            channel.runPendingTasks();
        }
        assertEquals(3, pieces.asked);
        var _ = channel.close();
        work.remove().run();
        channel.runPendingTasks();
        assertTrue(pieces.closed);
        assertTrue(work.isEmpty());
    }
}
