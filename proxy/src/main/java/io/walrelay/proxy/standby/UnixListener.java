package io.walrelay.proxy.standby;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.walrelay.proxy.conninfo.SocketFailure;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The PostgreSQL port's Unix-domain socket. Thread-safe; closed by whoever started it. */
final class UnixListener implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(UnixListener.class);

    private final UnixSocketFile file;
    private final Channel channel;

    private UnixListener(UnixSocketFile file, Channel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Begins to listen.
     *
     * @param connections sets up what is accepted
     * @throws IOException when the socket can't be made; nothing is left of it
     */
    static UnixListener start(UnixSocketFile file, EventLoopGroup acceptor, EventLoopGroup workers, ChannelHandler connections) throws IOException {
        if (!Epoll.isAvailable()) {
            throw new IOException("could not listen on %s: expected Linux on a processor that Netty's epoll is built for".formatted(file.path()), Epoll.unavailabilityCause());
        }
        file.makeRoom();
        var bound = new ServerBootstrap()
                .group(acceptor, workers)
                .channel(EpollServerDomainSocketChannel.class)
                .option(ChannelOption.SO_BACKLOG, 512)
                .childHandler(connections)
                .bind(new DomainSocketAddress(file.path().toFile()))
                .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            file.giveBack();
            throw new IOException("could not listen on %s: %s".formatted(file.path(), SocketFailure.message(bound.cause())), bound.cause());
        }
        UnixListener listener = new UnixListener(file, bound.channel());
        try {
            file.open();
        } catch (IOException e) {
            listener.close();
            throw e;
        }
        log.info("listening for standbys on {}", file.path());
        return listener;
    }

    /** Accepts nobody any more. The socket's file goes, and its lock, so that nobody waits before it. */
    @Override
    public void close() {
        channel.close().awaitUninterruptibly();
        try {
            file.remove();
        } catch (IOException e) {
            log.warn("could not remove {}: {}; the next start does", file.path(), e.getMessage());
        }
    }
}
