package io.walrelay.proxy.standby;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.EventExecutor;
import io.walrelay.protocol.handshake.MockVerifiers;
import io.walrelay.protocol.handshake.ServerHandshake;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.config.TlsSettings;
import io.walrelay.proxy.conninfo.SocketFailure;
import io.walrelay.proxy.forward.UpstreamAccess;
import io.walrelay.proxy.state.RelayState;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The PostgreSQL port: listens, accepts, and lets all sessions go when the relay stops. Thread-safe. */
public final class StandbyServer {

    private static final Logger log = LoggerFactory.getLogger(StandbyServer.class);

    /** Statements of the console at work at a time: each may take {@code Query.TIME_LIMIT} of a core and some megabytes. */
    private static final int CONSOLE_THREADS = 2;
    /** More than what is nested as deeply as may be takes. */
    private static final long CONSOLE_STACK = 4L << 20;

    private final EventLoopGroup acceptor;
    private final EventLoopGroup workers;
    private final ExecutorService blocking;
    private final ExecutorService console;
    private final ServerContext server;
    private final DelayHistogram delays;
    private final Channel listening;
    private final Optional<UnixListener> local;
    private final CompletableFuture<Void> stopped = new CompletableFuture<>();

    private StandbyServer(
            EventLoopGroup acceptor,
            EventLoopGroup workers,
            ExecutorService blocking,
            ExecutorService console,
            ServerContext server,
            DelayHistogram delays,
            Channel listening,
            Optional<UnixListener> local) {
        this.acceptor = acceptor;
        this.workers = workers;
        this.blocking = blocking;
        this.console = console;
        this.server = server;
        this.delays = delays;
        this.listening = listening;
        this.local = local;
    }

    /**
     * Begins to listen.
     *
     * @param unix where there is to be a Unix-domain socket of the same port, too
     * @param mocks what users who do not exist are shown; the same after a restart
     * @param upstream where sessions go that are not the relay's own
     * @throws IOException when the address can't be used or the certificate is no good; nothing is left running
     */
    public static StandbyServer start(
            HostPort address,
            Optional<Path> unix,
            Optional<TlsSettings> tlsSettings,
            StandbyLimits limits,
            Authenticator authenticator,
            MockVerifiers mocks,
            UpstreamAccess upstream,
            RelayState state)
            throws IOException {
        Entrance entrance = entrance(tlsSettings, authenticator, mocks);
        boolean epoll = Epoll.isAvailable();
        IoHandlerFactory io = epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
        Class<? extends ServerChannel> type = epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
        EventLoopGroup acceptor = new MultiThreadIoEventLoopGroup(1, Thread.ofPlatform().name("acceptor").factory(), io);
        EventLoopGroup workers = new MultiThreadIoEventLoopGroup(
                Runtime.getRuntime().availableProcessors(), Thread.ofPlatform().name("sender-", 0).factory(), io);
        ExecutorService blocking = Executors.newVirtualThreadPerTaskExecutor();
        ExecutorService console =
                Executors.newFixedThreadPool(CONSOLE_THREADS, Thread.ofPlatform().name("console-", 0).daemon().stackSize(CONSOLE_STACK).factory());
        DelayHistogram delays = new DelayHistogram();
        Map<EventLoop, Pacer> pacers = new HashMap<>();
        for (EventExecutor worker : workers) {
            EventLoop loop = (EventLoop) worker;
            pacers.put(loop, new Pacer(loop, limits, delays));
        }
        ServerContext server = new ServerContext(state, limits, entrance, upstream, blocking, console, pacers);
        var bound = new ServerBootstrap()
                .group(acceptor, workers)
                .channel(type)
                .option(ChannelOption.SO_REUSEADDR, true)
                .option(ChannelOption.SO_BACKLOG, 512)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.SO_KEEPALIVE, true)
                .childHandler(new Connections(server))
                .bind(address.host(), address.port())
                .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            shutDown(acceptor, workers, blocking, console);
            throw new IOException("could not listen on listen.address %s: %s".formatted(address, SocketFailure.message(bound.cause())), bound.cause());
        }
        Optional<UnixListener> local;
        try {
            int port = ((InetSocketAddress) bound.channel().localAddress()).getPort();
            local = unix.isPresent() ? Optional.of(UnixListener.start(UnixSocketFile.in(unix.get(), port), acceptor, workers, new Connections(server))) : Optional.empty();
        } catch (IOException e) {
            shutDown(acceptor, workers, blocking, console);
            throw e;
        }
        state.onWal(() -> pacers.values().forEach(Pacer::wake));
        state.onUpstream(host -> server.sessions().forEach(s -> s.channel().eventLoop().execute(() -> s.upstreamIs(host))));
        log.info("listening for standbys on {}, at most {} sessions", bound.channel().localAddress(), limits.maxSessions());
        return new StandbyServer(acceptor, workers, blocking, console, server, delays, bound.channel(), local);
    }

    private static Entrance entrance(Optional<TlsSettings> settings, Authenticator authenticator, MockVerifiers mocks) throws IOException {
        Optional<ServerTls> tls = settings.isPresent() ? Optional.of(ServerTls.of(settings.get())) : Optional.empty();
        return new Entrance(authenticator, new ServerHandshake.Listener(tls.isPresent(), mocks, new SecureRandom()), tls);
    }

    /**
     * Makes ready to let in connections in another way; sessions that are there stay.
     *
     * @return does so, for those that come from then on
     * @throws IOException when the certificate is no good
     */
    public Runnable prepare(Optional<TlsSettings> tlsSettings, Authenticator authenticator) throws IOException {
        Entrance other = entrance(tlsSettings, authenticator, server.entrance().handshake().mockVerifiers());
        return () -> server.letInBy(other);
    }

    /** Sets up what is accepted. */
    private static final class Connections extends ChannelInitializer<Channel> {
        private final ServerContext server;

        Connections(ServerContext server) {
            this.server = server;
        }

        @Override
        protected void initChannel(Channel channel) {
            if (!server.tryConnect()) {
                log.warn("too many connections; closed one from {}", channel.remoteAddress());
                channel.close();
                return;
            }
            FrontendFrames frames = new FrontendFrames();
            HandshakeHandler handshake = new HandshakeHandler(server, frames);
            channel.pipeline().addLast(handshake.new FirstByte(), frames, handshake);
        }

        @Override
        public boolean isSharable() {
            return true;
        }
    }

    /** Where it listens; tells the port when the settings left that to the system. */
    public InetSocketAddress address() {
        return (InetSocketAddress) listening.localAddress();
    }

    /** Where connections come from; a test changes how they are read. */
    Channel listening() {
        return listening;
    }

    /** How long WAL waited for the pass that sent it. */
    public DelayHistogram addedDelay() {
        return delays;
    }

    /**
     * Lets all sessions go: those that stream get all WAL that there is and are closed as soon as they confirm it, those
     * that have not within {@code timeout} are closed as they are. Completes when all is shut down. Later calls wait for the
     * first.
     */
    public CompletionStage<Void> stop(Duration timeout) {
        if (!server.stopping()) {
            return stopped;
        }
        local.ifPresent(UnixListener::close);
        listening.close().addListener(_ -> {
            CompletableFuture<?>[] ends = server.sessions().stream().map(StandbyServer::stop).toArray(CompletableFuture<?>[]::new);
            CompletableFuture.allOf(ends)
                    .orTimeout(timeout.toMillis(), TimeUnit.MILLISECONDS)
                    .whenComplete((_, _) -> {
                        server.sessions().forEach(s -> s.channel().eventLoop().execute(s::terminate));
                        shutDown(acceptor, workers, blocking, console).thenRun(() -> stopped.complete(null));
                    });
        });
        return stopped;
    }

    private static CompletableFuture<Void> stop(ServerSession session) {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        session.channel().closeFuture().addListener(_ -> ended.complete(null));
        session.channel().eventLoop().execute(session::stop);
        return ended;
    }

    private static CompletableFuture<Void> shutDown(EventLoopGroup acceptor, EventLoopGroup workers, ExecutorService blocking, ExecutorService console) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        // Long enough for a last message to leave; the sockets are closed then whatever happens.
        acceptor.shutdownGracefully(0, 5, TimeUnit.SECONDS);
        workers.shutdownGracefully(100, 5_000, TimeUnit.MILLISECONDS).addListener(_ -> {
            blocking.shutdown();
            console.shutdown();
            done.complete(null);
        });
        return done;
    }
}
