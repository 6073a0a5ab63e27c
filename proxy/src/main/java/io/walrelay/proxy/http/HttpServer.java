package io.walrelay.proxy.http;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.WriteTimeoutHandler;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.walrelay.cache.WalPush;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.conninfo.SocketFailure;
import io.walrelay.proxy.metrics.RelayMetrics;
import io.walrelay.proxy.state.ProcessFacts;
import io.walrelay.proxy.state.RelayState;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTP port. Its connections live on one event loop of their own, and what may touch the disk is read on one other thread, WAL files on
 * virtual ones, so that neither a scrape nor a slow browser costs a standby anything. Thread-safe; whoever starts it closes it.
 */
public final class HttpServer implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(HttpServer.class);

    /** How requests come in: what may change while the relay runs. */
    private record Entrance(Optional<SslContext> tls, Access access, Admitted admitted) {

        static Entrance of(HttpSettings settings) throws IOException {
            Admitted admitted = Admitted.of(settings);
            return new Entrance(settings.tls().isPresent() ? Optional.of(HttpTls.of(settings.tls().get())) : Optional.empty(), new Access(settings), admitted);
        }
    }

    private final AtomicReference<Entrance> entrance;
    private final EventLoopGroup loop;
    private final ExecutorService reader;
    private final ExecutorService workers;
    private final ChannelGroup connections;
    private final Channel listening;
    private final MergeRehearsal rehearsal;

    private HttpServer(
            AtomicReference<Entrance> entrance,
            EventLoopGroup loop,
            ExecutorService reader,
            ExecutorService workers,
            ChannelGroup connections,
            Channel listening,
            MergeRehearsal rehearsal) {
        this.entrance = entrance;
        this.loop = loop;
        this.reader = reader;
        this.workers = workers;
        this.connections = connections;
        this.listening = listening;
        this.rehearsal = rehearsal;
    }

    /**
     * Listens.
     *
     * @param orders what clients may tell the relay, on the reading thread
     * @param archiving asked about segments that somebody pushes and the relay holds, when it has an archive
     * @throws IOException when the address is taken or the certificate can't be used
     */
    public static HttpServer start(
            HttpSettings settings,
            HttpLimits limits,
            RelayState relay,
            ProcessFacts process,
            RelayMetrics metrics,
            Orders orders,
            WalPush.Archiving archiving)
            throws IOException {
        AtomicReference<Entrance> entrance = new AtomicReference<>(Entrance.of(settings));
        boolean epoll = Epoll.isAvailable();
        IoHandlerFactory io = epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, Thread.ofPlatform().name("http").daemon().factory(), io);
        ExecutorService reader = new ThreadPoolExecutor(
                1,
                1,
                0,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(limits.connections()),
                Thread.ofPlatform().name("http-reader").daemon().factory());
        // As many as there are connections: each has one request answered at a time.
        ExecutorService workers = Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("http-wal-", 0).factory());
        WalFiles wal = new WalFiles(relay, metrics.walFiles());
        WalPushes pushes = new WalPushes(relay, archiving, metrics.walFiles());
        ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
        Gate gate = new Gate(() -> entrance.get().access());
        Api api = new Api(relay, process, metrics, orders);
        EventLoop watch = loop.next();
        Snapshots snapshots = new Snapshots(watch, reader, () -> EventStream.text(api.snapshot()).getBytes(StandardCharsets.UTF_8));
        remember(api.history(), watch, reader);
        Semaphore merging = new Semaphore(ChangesPaths.MERGED_AT_ONCE);
        RequestHandler.Answers answers = new RequestHandler.Answers(
                api, relay.events(), snapshots, reader, wal, pushes, new ChangesPaths(relay, merging), metrics.walFiles(), workers);
        Class<? extends ServerSocketChannel> channel = epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(loop)
                .channel(channel)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel connection) {
                        connections.add(connection);
                        if (connections.size() > limits.connections()) {
                            connection.close();
                            return;
                        }
                        RequestHandler requests = new RequestHandler(gate, answers, limits);
                        entrance.get().tls().ifPresent(context -> connection.pipeline().addLast(handshake(context, connection, limits)));
                        connection
                                .pipeline()
                                .addLast(new WriteTimeoutHandler(limits.patience().toMillis(), TimeUnit.MILLISECONDS))
                                .addLast(new HttpServerCodec(new HttpDecoderConfig()
                                        .setMaxInitialLineLength(limits.lineBytes())
                                        .setMaxHeaderSize(limits.headerBytes())))
                                .addLast(new PushReceiver(requests, gate, answers, limits))
                                .addLast(new BodyLimit(limits.bodyBytes()))
                                .addLast(requests);
                    }
                });
        InetSocketAddress address = new InetSocketAddress(settings.address().host(), settings.address().port());
        ChannelFuture bound = bootstrap.bind(address).awaitUninterruptibly();
        if (!bound.isSuccess()) {
            reader.shutdownNow();
            workers.shutdown();
            loop.shutdownGracefully(0, 0, TimeUnit.SECONDS);
            throw new IOException("could not listen on http.address %s: %s".formatted(settings.address(), SocketFailure.message(bound.cause())), bound.cause());
        }
        MergeRehearsal rehearsal = new MergeRehearsal(relay, merging);
        rehearsal.start();
        return new HttpServer(entrance, loop, reader, workers, connections, bound.channel(), rehearsal);
    }

    /**
     * Makes ready to let requests in in another way; connections that are there stay, but their next request counts anew, and streams of events end
     * when others may come in than before.
     *
     * @return does so, from then on
     * @throws IOException when the certificate can't be used
     */
    public Runnable prepare(HttpSettings settings) throws IOException {
        Entrance other = Entrance.of(settings);
        return () -> {
            Entrance before = entrance.getAndSet(other);
            // On the loop: a stream that begins there by what held before is there when all are ended.
            if (!before.admitted().equals(other.admitted()) && !loop.isShuttingDown()) {
                loop.execute(() -> EventStream.endAll(listening));
            }
        };
    }

    /** One sample at a time: a disk that hangs is not asked again and again. */
    private static void remember(LagHistory history, EventLoop loop, ExecutorService reader) {
        AtomicBoolean sampling = new AtomicBoolean();
        Runnable sample = () -> {
            try {
                history.sample();
            } finally {
                sampling.set(false);
            }
        };
        var _ = loop.scheduleAtFixedRate(
                () -> {
                    if (sampling.compareAndSet(false, true)) {
                        try {
                            reader.execute(sample);
                        } catch (RejectedExecutionException e) {
                            sampling.set(false);
                            log.atDebug().setCause(e).log("no sample now: too many requests wait, or the server stops");
                        }
                    }
                },
                0,
                LagHistory.STEP.toMillis(),
                TimeUnit.MILLISECONDS);
    }

    private static SslHandler handshake(SslContext context, SocketChannel connection, HttpLimits limits) {
        SslHandler handler = context.newHandler(connection.alloc());
        handler.setHandshakeTimeoutMillis(limits.patience().toMillis());
        return handler;
    }

    /** Where it listens; tells the port that the system chose. */
    public InetSocketAddress address() {
        return (InetSocketAddress) listening.localAddress();
    }

    /** Stops listening, ends all connections and waits until they are gone. */
    @Override
    public void close() {
        listening.close().awaitUninterruptibly();
        connections.close().awaitUninterruptibly();
        rehearsal.close();
        reader.shutdownNow();
        // Not interrupted: that would close the files that they share with others.
        workers.shutdown();
        loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
