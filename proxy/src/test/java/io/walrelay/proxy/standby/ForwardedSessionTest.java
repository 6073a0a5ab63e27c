package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.ReferenceCountUtil;
import io.walrelay.protocol.handshake.ClientAction;
import io.walrelay.protocol.handshake.MockVerifiers;
import io.walrelay.protocol.handshake.ServerHandshake;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.forward.UpstreamSession;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How long a client that reads nothing may keep a relay that stops. The clock is the test's. */
final class ForwardedSessionTest {

    private final EmbeddedChannel client = new EmbeddedChannel(new Stuck());
    private final EmbeddedChannel server = new EmbeddedChannel();
    private final FakeUpstream nowhere;
    private final ForwardedSession session;

    /** What is written never leaves. */
    private static final class Stuck extends ChannelOutboundHandlerAdapter {
        @Override
        public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
            ReferenceCountUtil.release(message);
        }
    }

    ForwardedSessionTest() throws IOException {
        nowhere = FakeUpstream.start();
        ServerContext context = new ServerContext(
                RelayFixture.emptyState(),
                RelayFixture.LIMITS,
                new Entrance(
                        (_, _) -> CompletableFuture.failedFuture(new AssertionError("everybody is in already")),
                        new ServerHandshake.Listener(false, MockVerifiers.random(new SecureRandom()), new SecureRandom()),
                        Optional.empty()),
                nowhere,
                Runnable::run,
                Runnable::run,
                Map.of());
        UpstreamSession upstream = UpstreamSession.of(
                HostAddress.of("pg1", 5432),
                server,
                new ClientAction.Connected(Optional.of(FakeUpstream.KEY), Map.of(), ProtocolVersion.V3_0),
                List.of());
        session = new ForwardedSession(context, new SessionIdentity(1, "app", "10.0.0.1", "10.0.0.1:40000", "", false), FakeUpstream.KEY, client, upstream);
    }

    @BeforeEach
    void begin() {
        client.freezeTime();
        client.pipeline().addLast(session.clientEnd());
        server.pipeline().addLast(session.upstreamEnd());
        session.begin("shop");
    }

    @AfterEach
    void end() {
        client.finishAndReleaseAll();
        server.finishAndReleaseAll();
        nowhere.close();
    }

    private void pass(int seconds) {
        client.advanceTimeBy(seconds, TimeUnit.SECONDS);
        client.runScheduledPendingTasks();
    }

    private void assertEndsAfterFiveSeconds() {
        pass(4);
        assertTrue(client.isOpen());
        pass(2);
        assertFalse(client.isOpen());
        assertFalse(server.isOpen());
    }

    @Test
    void inTheMiddleOfAMessage() {
        server.writeInbound(Unpooled.wrappedBuffer(new byte[] {'d', 0, 0, 0, 6, 'a'}));
        session.stop();
        assertEndsAfterFiveSeconds();
    }

    @Test
    void betweenTwoMessages() {
        server.writeInbound(Unpooled.wrappedBuffer(new byte[] {'d', 0, 0, 0, 5, 'a'}));
        session.stop();
        assertEndsAfterFiveSeconds();
    }

    @Test
    void afterTheServerHasEnded() {
        var _ = server.close();
        pass(30);
        session.stop();
        assertEndsAfterFiveSeconds();
    }

    @Test
    void withoutAnEndOfTheRelayItHasLonger() {
        var _ = server.close();
        pass(30);
        assertTrue(client.isOpen());
    }
}
