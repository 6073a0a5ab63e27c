package io.walrelay.proxy.bench;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.FrontendMessage.SslRequest;
import io.walrelay.wal.Lsn;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSession;

/** A process of many readers with TLS: one event loop, BoringSSL. It decrypts what comes, counts it and looks at no message. */
final class TlsReaders {

    /** With TLS 1.2 a client can say which suite it wants; with 1.3 each server takes the one it likes of those that all have. */
    private static final String SUITE_OF_TLS_1_2 = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";

    private static final int READ_AT_ONCE = 256 << 10;
    private static final int ALIVE_SECONDS = 5;

    private TlsReaders() {}

    static void main(String[] arguments) throws SSLException, InterruptedException {
        ReaderArguments wanted = ReaderArguments.parse(arguments);
        Conductor conductor = new Conductor();
        CountDownLatch loggedIn = new CountDownLatch(wanted.readers());
        CountDownLatch streaming = new CountDownLatch(wanted.readers());
        CountDownLatch finished = new CountDownLatch(wanted.readers());
        SslContextBuilder tls = SslContextBuilder.forClient()
                .sslProvider(SslProvider.OPENSSL)
                .trustManager(InsecureTrustManagerFactory.INSTANCE)
                .endpointIdentificationAlgorithm(null)
                .protocols(wanted.protocol());
        if (wanted.protocol().equals("TLSv1.2")) {
            tls.ciphers(List.of(SUITE_OF_TLS_1_2));
        }
        SslContext context = tls.build();
        EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
        List<Reader> readers = new CopyOnWriteArrayList<>();
        for (int i = 0; i < wanted.readers(); i++) {
            String name = "reader_" + i;
            new Bootstrap()
                    .group(group)
                    .channel(EpollSocketChannel.class)
                    .handler(new ChannelInitializer<>() {
                        @Override
                        protected void initChannel(Channel channel) {
                            channel.config().setRecvByteBufAllocator(new FixedRecvByteBufAllocator(READ_AT_ONCE));
                            Reader reader = new Reader(name, channel, context, wanted.bytes(), loggedIn, streaming, finished);
                            channel.pipeline().addLast(reader);
                            readers.add(reader);
                        }
                    })
                    .connect("127.0.0.1", wanted.port())
                    .sync();
        }
        loggedIn.await();
        conductor.ready();
        long begin = System.nanoTime();
        readers.forEach(reader -> reader.start(wanted.from()));
        streaming.await();
        conductor.started();
        boolean all = false;
        while (!all && !conductor.isStopped()) {
            all = finished.await(100, TimeUnit.MILLISECONDS);
        }
        long nanos = System.nanoTime() - begin;
        long bytes = readers.stream().mapToLong(reader -> reader.received).sum();
        long least = readers.stream().mapToLong(reader -> reader.received).min().orElse(0);
        conductor.done(bytes, least, nanos, readers.getFirst().negotiated);
    }

    /** One connection; confined to its event loop but for {@link #start} and the counters. */
    private static final class Reader extends ByteToMessageDecoder {

        private enum State {
            ENCRYPTION_ASKED,
            LOGGING_IN,
            READY,
            STREAMING
        }

        private final String name;
        private final Channel channel;
        private final SslContext tls;
        private final long wanted;
        private final CountDownLatch loggedIn;
        private final CountDownLatch streaming;
        private final CountDownLatch finished;
        private State state = State.ENCRYPTION_ASKED;
        private volatile long received;
        private volatile String negotiated = "none";

        Reader(
                String name,
                Channel channel,
                SslContext tls,
                long wanted,
                CountDownLatch loggedIn,
                CountDownLatch streaming,
                CountDownLatch finished) {
            this.name = name;
            this.channel = channel;
            this.tls = tls;
            this.wanted = wanted;
            this.loggedIn = loggedIn;
            this.streaming = streaming;
            this.finished = finished;
        }

        void start(Lsn from) {
            send(RawSession.startReplication(from));
            byte[] alive = RawSession.aliveAt(from);
            channel.eventLoop()
                    .scheduleAtFixedRate(
                            () -> channel.writeAndFlush(channel.alloc().buffer().writeBytes(alive)),
                            ALIVE_SECONDS,
                            ALIVE_SECONDS,
                            TimeUnit.SECONDS);
        }

        @Override
        public void channelActive(ChannelHandlerContext context) {
            send(new SslRequest());
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            if (event instanceof SslHandshakeCompletionEvent completion) {
                if (!completion.isSuccess()) {
                    throw new IllegalStateException("TLS failed", completion.cause());
                }
                SSLSession session = context.pipeline().get(SslHandler.class).engine().getSession();
                negotiated = session.getProtocol() + " " + session.getCipherSuite();
                send(RawSession.startup(name));
            }
            context.fireUserEventTriggered(event);
        }

        @Override
        protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
            switch (state) {
                case ENCRYPTION_ASKED -> {
                    byte answer = in.readByte();
                    if (answer != 'S') {
                        throw new IllegalStateException("the server answered SSLRequest with '%c'; expected S".formatted(answer));
                    }
                    state = State.LOGGING_IN;
                    context.pipeline().addFirst(tls.newHandler(context.alloc()));
                }
                case LOGGING_IN -> {
                    if (nextType(in) == 'Z') {
                        state = State.READY;
                        loggedIn.countDown();
                    }
                }
                case READY -> {
                    if (nextType(in) == 'W') {
                        state = State.STREAMING;
                        streaming.countDown();
                    }
                }
                case STREAMING -> count(in);
            }
        }

        // Only the event loop writes the counter; main reads it.
        @SuppressWarnings("NonAtomicVolatileUpdate")
        private void count(ByteBuf in) {
            boolean before = received < wanted;
            received += in.readableBytes();
            in.skipBytes(in.readableBytes());
            if (before && received >= wanted) {
                finished.countDown();
            }
        }

        /** Takes one whole message and returns its type; 0 while there is none. */
        private static byte nextType(ByteBuf in) {
            int header = 1 + Integer.BYTES;
            if (in.readableBytes() < header || in.readableBytes() < 1 + in.getInt(in.readerIndex() + 1)) {
                return 0;
            }
            byte type = in.readByte();
            ByteBuf body = in.readSlice(in.readInt() - Integer.BYTES);
            if (type == 'E') {
                throw new IllegalStateException(
                        "the server refused: " + body.toString(StandardCharsets.UTF_8).replace('\0', ' '));
            }
            return type;
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) {
            System.err.printf("the server closed the connection of %s after %d bytes%n", name, received);
            Runtime.getRuntime().halt(1);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            System.err.printf("%s failed: %s%n", name, cause);
            Runtime.getRuntime().halt(1);
        }

        private void send(FrontendMessage message) {
            ByteBuf out = channel.alloc().buffer();
            FrontendEncoder.encode(message, out);
            channel.writeAndFlush(out);
        }
    }
}
