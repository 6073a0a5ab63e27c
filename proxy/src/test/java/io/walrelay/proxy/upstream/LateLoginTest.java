package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import io.walrelay.protocol.codec.BackendEncoder;
import io.walrelay.protocol.handshake.ClientHandshake;
import io.walrelay.protocol.handshake.ClientLogin;
import io.walrelay.protocol.handshake.ClientSecurity;
import io.walrelay.protocol.handshake.Credential;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.handshake.SslMode;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.TransactionStatus;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.servers.TlsClient;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A session that stands at the moment when nobody wants to wait for it any longer is either somebody's or closed, never both. */
@Timeout(60)
final class LateLoginTest {

    private static final ClientLogin LOGIN =
            new ClientLogin("app", Optional.of("shop"), SessionKind.ORDINARY, Map.of(), new Credential.Password(Optional::empty));

    private final List<Channel> taken = new ArrayList<>();

    private EmbeddedChannel answered(LoginHandler handler) {
        EmbeddedChannel channel = new EmbeddedChannel(handler);
        var out = Unpooled.buffer();
        BackendEncoder.encode(new BackendMessage.AuthenticationOk(), out);
        BackendEncoder.encode(new BackendMessage.ReadyForQuery(TransactionStatus.IDLE), out);
        channel.writeInbound(out);
        return channel;
    }

    private LoginHandler handler() throws IOException {
        return new LoginHandler(
                HostAddress.of("pg1", 5432),
                TlsClient.of(Conninfo.parse("host=pg1 user=u sslmode=disable", Map.of())),
                new ClientHandshake(LOGIN, ClientSecurity.DEFAULT.withSslMode(SslMode.DISABLE), SslMode.DISABLE.first()),
                (channel, _, _) -> {
                    taken.add(channel);
                    return new ChannelInboundHandlerAdapter();
                });
    }

    @Test
    void oneThatWasGivenUpIsNobodys() throws IOException {
        LoginHandler handler = handler();
        assertTrue(handler.giveUp());
        EmbeddedChannel channel = answered(handler);
        assertEquals(List.of(), taken);
        assertFalse(channel.isOpen());
        channel.finishAndReleaseAll();
    }

    @Test
    void oneThatStandsIsNotGivenUp() throws IOException {
        LoginHandler handler = handler();
        EmbeddedChannel channel = answered(handler);
        assertFalse(handler.giveUp());
        assertEquals(List.of(channel), taken);
        assertTrue(channel.isOpen());
        channel.finishAndReleaseAll();
    }

    @Test
    void oneThatIsHandedOverWhenTheTimeIsUpStaysOpen() throws Exception {
        EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, Epoll.isAvailable() ? EpollIoHandler.newFactory() : NioIoHandler.newFactory());
        try (ServerSocket listener = new ServerSocket(0, 50, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}))) {
            Thread server = Thread.ofVirtual().start(() -> letIn(listener));
            Conninfo conninfo = Conninfo.parse("host=127.0.0.1 port=%d user=u sslmode=disable connect_timeout=2".formatted(listener.getLocalPort()), Map.of());
            UpstreamDialer dialer = new UpstreamDialer(conninfo, "relay", TestLink.QUICK);
            AtomicReference<Channel> session = new AtomicReference<>();
            CountDownLatch never = new CountDownLatch(1);
            dialer.logIn(conninfo.hosts().getFirst(), LOGIN, ProtocolVersion.V3_0, group.next(), (channel, _, _) -> {
                session.set(channel);
                await(never, Duration.ofSeconds(3));
                return new ChannelInboundHandlerAdapter();
            });
            assertTrue(session.get().isOpen());
            server.join();
        } finally {
            group.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
        }
    }

    private static void await(CountDownLatch latch, Duration limit) {
        try {
            assertFalse(latch.await(limit.toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void letIn(ServerSocket listener) {
        try {
            Socket socket = listener.accept();
            DataInputStream in = new DataInputStream(socket.getInputStream());
            in.skipNBytes(in.readInt() - 4L);
            var out = Unpooled.buffer();
            BackendEncoder.encode(new BackendMessage.AuthenticationOk(), out);
            BackendEncoder.encode(new BackendMessage.ReadyForQuery(TransactionStatus.IDLE), out);
            out.readBytes(socket.getOutputStream(), out.readableBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
