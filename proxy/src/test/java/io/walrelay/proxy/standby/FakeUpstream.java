package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.walrelay.protocol.codec.BackendEncoder;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.handshake.ClientAction;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.SecretKey;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.forward.ForwardedLogin;
import io.walrelay.proxy.forward.UpstreamAccess;
import io.walrelay.proxy.forward.UpstreamSession;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** An upstream that lets everybody in without a word and is then the test itself, byte by byte. Thread-safe. */
final class FakeUpstream implements UpstreamAccess, AutoCloseable {

    static final BackendKeyData KEY = new BackendKeyData(4711, new SecretKey(Secret.of(new byte[] {1, 2, 3, 4})));
    static final Diagnostic NOTICE = new Diagnostic("WARNING", "01000", "collations are older than the library", Optional.empty(), Optional.empty());
    static final Diagnostic AWAY = Diagnostic.fatal("57P03", "upstream pg1:5432 can't be used now");

    private final ServerSocket listener;
    private final BlockingQueue<ForwardedLogin> logins = new LinkedBlockingQueue<>();
    private final BlockingQueue<UpstreamSession> canceled = new LinkedBlockingQueue<>();
    private volatile boolean away;

    private FakeUpstream(ServerSocket listener) {
        this.listener = listener;
    }

    static FakeUpstream start() throws IOException {
        return new FakeUpstream(new ServerSocket(0, 50, InetAddress.getByAddress(new byte[] {127, 0, 0, 1})));
    }

    /** Nobody is let in from now on. */
    void goAway() {
        away = true;
    }

    /** The server's side of the next session. */
    Socket accept() throws IOException {
        listener.setSoTimeout(10_000);
        Socket socket = listener.accept();
        socket.setSoTimeout(10_000);
        return socket;
    }

    ForwardedLogin login() throws InterruptedException {
        return Optional.ofNullable(logins.poll(10, TimeUnit.SECONDS)).orElseThrow(() -> new AssertionError("nobody logged in"));
    }

    UpstreamSession canceled() throws InterruptedException {
        return Optional.ofNullable(canceled.poll(10, TimeUnit.SECONDS)).orElseThrow(() -> new AssertionError("nothing was canceled"));
    }

    static void say(Socket socket, BackendMessage... messages) throws IOException {
        socket.getOutputStream().write(encoded(messages));
    }

    static byte[] encoded(BackendMessage... messages) {
        ByteBuf out = Unpooled.buffer();
        for (BackendMessage message : messages) {
            BackendEncoder.encode(message, out);
        }
        return ByteBufUtil.getBytes(out);
    }

    private static byte[] encoded(FrontendMessage message) {
        ByteBuf out = Unpooled.buffer();
        FrontendEncoder.encode(message, out);
        return ByteBufUtil.getBytes(out);
    }

    static void assertHears(Socket socket, FrontendMessage message) throws IOException {
        byte[] expected = encoded(message);
        assertArrayEquals(expected, socket.getInputStream().readNBytes(expected.length));
    }

    static void assertEnds(Socket socket) throws IOException {
        try {
            assertEquals(-1, socket.getInputStream().read());
        } catch (SocketException reset) {
            // Ended as well.
        }
    }

    @Override
    public void logIn(ForwardedLogin login, EventLoop loop, Arrival arrival) {
        if (away) {
            loop.execute(() -> arrival.refused(AWAY));
            return;
        }
        logins.add(login);
        var _ = new Bootstrap()
                .group(loop)
                .channel(Epoll.isAvailable() ? EpollSocketChannel.class : NioSocketChannel.class)
                .handler(new Welcome(arrival))
                .connect(new InetSocketAddress(listener.getInetAddress(), listener.getLocalPort()));
    }

    /** Stands in for a login. */
    private static final class Welcome extends ChannelInboundHandlerAdapter {
        private final Arrival arrival;

        Welcome(Arrival arrival) {
            this.arrival = arrival;
        }

        @Override
        public void channelActive(ChannelHandlerContext context) {
            ChannelHandler next = arrival.arrived(session(context.channel()));
            context.pipeline().replace(this, null, next);
        }

        private static UpstreamSession session(Channel channel) {
            Map<String, String> parameters = Map.of("server_version", "18.1");
            ClientAction.Connected login = new ClientAction.Connected(Optional.of(KEY), parameters, ProtocolVersion.V3_0);
            return UpstreamSession.of(HostAddress.of("pg1", 5432), channel, login, List.of(NOTICE));
        }
    }

    @Override
    public CompletionStage<Void> cancel(UpstreamSession session) {
        canceled.add(session);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public void close() {
        try {
            listener.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
