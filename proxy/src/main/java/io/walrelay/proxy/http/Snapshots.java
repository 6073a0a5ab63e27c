package io.walrelay.proxy.http;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.DefaultHttpContent;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What dashboards are sent: each second one snapshot for all of them, and none while nobody looks, so that a hundred open pages cost what one
 * costs and their own bytes. A client that is slow misses some. Confined to the HTTP port's event loop.
 */
final class Snapshots {

    private static final Logger log = LoggerFactory.getLogger(Snapshots.class);
    private static final Duration PACE = Duration.ofSeconds(1);

    /** To all of them together: with a thousand standbys a snapshot is large, and then comes less often. */
    private static final long BYTES_PER_SECOND = 16L << 20;

    private final EventLoop loop;
    private final Executor reader;
    private final Supplier<byte[]> make;
    private final Set<ChannelHandlerContext> viewers = new LinkedHashSet<>();
    private byte @Nullable [] last;
    private boolean running;

    /**
     * @param reader where snapshots are made
     * @param make one, as a message of the stream
     */
    Snapshots(EventLoop loop, Executor reader, Supplier<byte[]> make) {
        this.loop = loop;
        this.reader = reader;
        this.make = make;
    }

    /** From now on {@code viewer} is sent snapshots, until its connection ends. */
    void show(ChannelHandlerContext viewer) {
        viewers.add(viewer);
        viewer.channel().closeFuture().addListener(closed -> viewers.remove(viewer));
        byte[] newest = last;
        if (newest != null) {
            send(viewer, newest);
        }
        if (!running) {
            running = true;
            round();
        }
    }

    private void round() {
        if (viewers.isEmpty()) {
            running = false;
            last = null;
            return;
        }
        try {
            reader.execute(this::makeOne);
        } catch (RejectedExecutionException e) {
            log.atDebug().setCause(e).log("no snapshot now: too many requests wait, or the server stops");
            later(PACE.toMillis());
        }
    }

    private void makeOne() {
        try {
            byte[] snapshot = make.get();
            onLoop(() -> deliver(snapshot));
        } catch (RuntimeException | Error e) {
            log.atError().setCause(e).log("could not make a snapshot for the dashboard");
            onLoop(() -> later(PACE.toMillis()));
        }
    }

    private void onLoop(Runnable task) {
        if (!loop.isShuttingDown()) {
            loop.execute(task);
        }
    }

    private void deliver(byte[] snapshot) {
        last = snapshot;
        try {
            // A copy: a write to a connection that was reset closes it at once, and with that the viewer is none any more.
            List.copyOf(viewers).forEach(viewer -> send(viewer, snapshot));
        } finally {
            later(Math.max(PACE.toMillis(), 1_000L * snapshot.length * viewers.size() / BYTES_PER_SECOND));
        }
    }

    private void later(long millis) {
        if (!loop.isShuttingDown()) {
            var _ = loop.schedule(this::round, millis, TimeUnit.MILLISECONDS);
        }
    }

    /** The bytes are everybody's: nothing is copied. The next one makes up for one that is left out. */
    private static void send(ChannelHandlerContext viewer, byte[] snapshot) {
        if (viewer.channel().isWritable()) {
            viewer.writeAndFlush(new DefaultHttpContent(Unpooled.wrappedBuffer(snapshot)));
        }
    }
}
