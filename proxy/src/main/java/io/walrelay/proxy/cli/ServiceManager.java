package io.walrelay.proxy.cli;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDomainDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Who started the process as a service and wants to be told when it is ready (systemd: sd_notify(3), a unit of {@code Type=notify}). */
final class ServiceManager {

    private static final Logger log = LoggerFactory.getLogger(ServiceManager.class);
    private static final long PATIENCE_MS = 5_000;

    private ServiceManager() {}

    /** Tells it, if there is one; what went wrong is in the log. {@code state} as in sd_notify(3), like {@code READY=1}. */
    static void tell(String state) {
        String socket = System.getenv("NOTIFY_SOCKET");
        if (socket != null && !socket.isEmpty()) {
            tell(socket, state);
        }
    }

    /** @param socket a path; with @ in front, a name in the kernel's abstract namespace */
    static void tell(String socket, String state) {
        if (!Epoll.isAvailable()) {
            log.warn("could not tell the service manager {}: no unix datagram sockets here; use Type=exec in its unit", state);
            return;
        }
        DomainSocketAddress manager = new DomainSocketAddress(socket.startsWith("@") ? "\0" + socket.substring(1) : socket);
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, Thread.ofPlatform().name("notify").daemon().factory(), EpollIoHandler.newFactory());
        try {
            ChannelFuture connected = new Bootstrap()
                    .group(loop)
                    .channel(EpollDomainDatagramChannel.class)
                    .handler(new ChannelInboundHandlerAdapter())
                    .connect(manager)
                    .awaitUninterruptibly();
            ChannelFuture told = connected.isSuccess() ? connected.channel().writeAndFlush(Unpooled.copiedBuffer(state, StandardCharsets.UTF_8)) : connected;
            if (!told.awaitUninterruptibly(PATIENCE_MS) || !told.isSuccess()) {
                log.warn("could not tell the service manager at {} {}: {}", socket, state, String.valueOf(told.cause()));
            }
        } finally {
            loop.shutdownGracefully(0, 0, TimeUnit.SECONDS);
        }
    }
}
