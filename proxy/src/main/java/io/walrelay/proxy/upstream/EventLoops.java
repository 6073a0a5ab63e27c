package io.walrelay.proxy.upstream;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The link's two event loops. */
record EventLoops(EventLoopGroup writer, EventLoopGroup probes) {

    static EventLoops open() {
        return new EventLoops(loop("wal-writer"), loop("upstream-probe"));
    }

    private static EventLoopGroup loop(String name) {
        IoHandlerFactory io = Epoll.isAvailable() ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
        return new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory(name, true), io);
    }

    void close(Duration limit) {
        for (EventLoopGroup group : List.of(probes, writer)) {
            var _ = group.shutdownGracefully(0, limit.toMillis(), TimeUnit.MILLISECONDS).awaitUninterruptibly(limit.toMillis());
        }
    }
}
