package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.HttpContent;
import io.netty.util.ReferenceCountUtil;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SnapshotsTest {

    private final EmbeddedChannel first = new EmbeddedChannel(new ChannelDuplexHandler());
    private final EmbeddedChannel second = new EmbeddedChannel(new ChannelDuplexHandler());
    private int made;
    private int length = 1;

    private final Snapshots snapshots = new Snapshots(first.eventLoop(), Runnable::run, () -> {
        made++;
        return "%d".formatted(made).repeat(length).getBytes(StandardCharsets.US_ASCII);
    });

    private void show(EmbeddedChannel viewer) {
        ChannelHandlerContext context = viewer.pipeline().firstContext();
        snapshots.show(context);
        first.runPendingTasks();
    }

    private void passes(long millis) {
        first.advanceTimeBy(millis, TimeUnit.MILLISECONDS);
        first.runScheduledPendingTasks();
        first.runPendingTasks();
    }

    private static List<String> came(EmbeddedChannel viewer) {
        List<String> texts = viewer.outboundMessages().stream().map(message -> {
            ByteBuf content = ((HttpContent) message).content();
            return content.toString(0, 1, StandardCharsets.US_ASCII);
        }).toList();
        viewer.releaseOutbound();
        return texts;
    }

    @Test
    void aSnapshotIsMadeOnceForAllAndOnlyWhileSomebodyLooks() {
        passes(5_000);
        assertEquals(0, made);
        show(first);
        show(second);
        assertEquals(List.of("1"), came(first));
        assertEquals(List.of("1"), came(second), "the newest that there is, at once");
        passes(1_000);
        assertEquals(List.of(List.of("2"), List.of("2"), 2), List.of(came(first), came(second), made));
        second.close();
        passes(1_000);
        assertEquals(List.of(List.of("3"), 3), List.of(came(first), made));
        first.close();
        passes(60_000);
        assertEquals(3, made);
    }

    @Test
    void whoIsSlowMissesSome() {
        show(first);
        show(second);
        came(second);
        second.unsafe().outboundBuffer().setUserDefinedWritability(1, false);
        passes(1_000);
        assertEquals(List.of(), came(second));
        second.unsafe().outboundBuffer().setUserDefinedWritability(1, true);
        passes(1_000);
        assertEquals(List.of("3"), came(second));
    }

    /** As a channel does whose client has reset the connection. */
    @Test
    void whoGoesWhileHeIsSentOneStopsNobodyElse() {
        show(second);
        EmbeddedChannel reset = new EmbeddedChannel(new ChannelDuplexHandler());
        show(reset);
        reset.pipeline().addFirst(new ChannelOutboundHandlerAdapter() {
            @Override
            public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
                ReferenceCountUtil.release(message);
                promise.setFailure(new ClosedChannelException());
                context.close();
            }
        });
        show(first);
        came(first);
        came(second);
        passes(1_000);
        passes(1_000);
        assertEquals(List.of(List.of("2", "3"), List.of("2", "3")), List.of(came(first), came(second)));
    }

    @Test
    void largeOnesComeLessOften() {
        length = 32 << 20;
        show(first);
        came(first);
        passes(1_000);
        assertEquals(1, made);
        passes(1_000);
        assertEquals(2, made);
    }
}
