package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.walrelay.protocol.codec.BackendDecoder;
import io.walrelay.protocol.codec.BackendLimits;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.handshake.ClientAction;
import io.walrelay.protocol.handshake.ClientHandshake;
import io.walrelay.protocol.handshake.ClientLogin;
import io.walrelay.protocol.handshake.ClientSecurity;
import io.walrelay.protocol.handshake.Credential;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.handshake.SslMode;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.BackendMessage.NegotiateProtocolVersion;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.servers.TlsClient;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.Servers;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which protocol the relay speaks with real servers: 3.2 is spoken since PostgreSQL 18, those before answer that they have 3.0. */
@Timeout(90)
final class ProtocolVersionIT {

    private static final Duration LIMIT = Duration.ofSeconds(20);

    @TempDir
    private Path directory;

    private final EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());

    @AfterEach
    void stop() {
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }

    /** What is asked for, whether the server bargains, and how long the key is that it gives. */
    @ParameterizedTest
    @CsvSource({"18, max_protocol_version=latest, 3.2, false, 32", "18, max_protocol_version=3.2, 3.2, false, 32", "18, '', 3.0, false, 4", "17, max_protocol_version=latest, 3.2, true, 4", "13, max_protocol_version=3.2, 3.2, true, 4"})
    void theRelayStreamsByWhateverBothCan(int major, String option, String asked, boolean negotiated, int keyLength) throws IOException {
        try (LocalPostgres server = LocalPostgres.of(Servers.version(major)).start();
                FaultProxy line = FaultProxy.to(server.port())) {
            line.record(FaultProxy.Direction.TO_SERVER);
            line.record(FaultProxy.Direction.TO_CLIENT);
            try (TestLink relay = TestLink.start(
                    directory.resolve("data"), "host=127.0.0.1 port=%d user=postgres sslmode=disable %s".formatted(line.port(), option))) {
                relay.awaitStreaming();
                server.execute("CREATE TABLE t AS SELECT 1 AS a");
                relay.awaitAllOf(server);
                relay.assertSameWal(server);
            }
            ByteBuffer startup = ByteBuffer.wrap(line.recorded(FaultProxy.Direction.TO_SERVER));
            assertEquals(asked, "%d.%d".formatted(startup.getShort(4), startup.getShort(6)));
            // Several connections are recorded one after the other, or mixed: the first login of the first is whole.
            List<BackendMessage> login = login(line.recorded(FaultProxy.Direction.TO_CLIENT));
            List<BackendMessage> bargains = login.stream().filter(NegotiateProtocolVersion.class::isInstance).toList();
            assertEquals(negotiated ? List.of(new NegotiateProtocolVersion(ProtocolVersion.V3_0, List.of())) : List.of(), bargains);
            BackendKeyData key = login.stream().filter(BackendKeyData.class::isInstance).map(BackendKeyData.class::cast).findFirst().orElseThrow();
            assertEquals(keyLength, key.secretKey().value().length());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {13, 17})
    void aServerThatHasNotTheVersionThatIsDemandedIsLeft(int major) throws IOException {
        try (LocalPostgres server = LocalPostgres.of(Servers.version(major)).start();
                TestLink relay = TestLink.start(
                        directory.resolve("data"), "host=127.0.0.1 port=%d user=postgres sslmode=disable min_protocol_version=3.2".formatted(server.port()))) {
            relay.awaitProblem("server only supports protocol version 3.0, but \"min_protocol_version\" was set to 3.2");
        }
    }

    /** The key is right if the server takes it: a request to cancel with any other is ignored. */
    @ParameterizedTest
    @CsvSource({"18, 3.2, 32", "17, 3.0, 4"})
    void theKeyThatIsKeptCancelsAQuery(int major, String version, int keyLength) throws Exception {
        try (LocalPostgres server = LocalPostgres.of(Servers.version(major)).start()) {
            InetSocketAddress address = new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), server.port());
            Conninfo conninfo = Conninfo.parse("host=127.0.0.1 port=%d user=postgres sslmode=disable".formatted(server.port()), Map.of());
            HostAddress host = HostAddress.of("127.0.0.1", server.port());
            SessionHandler handler = new SessionHandler(host);
            LoginHandler login = new LoginHandler(
                    host,
                    TlsClient.of(conninfo),
                    new ClientHandshake(
                            new ClientLogin("postgres", Optional.of("postgres"), SessionKind.ORDINARY, Map.of(), new Credential.Password(Optional::empty)),
                            ClientSecurity.DEFAULT.withSslMode(SslMode.DISABLE).withMaxProtocolVersion(ProtocolVersion.V3_2),
                            SslMode.DISABLE.first()),
                    (_, _, _) -> handler);
            Channel channel = new Bootstrap().group(group).channel(NioSocketChannel.class).handler(login).connect(address).sync().channel();
            ClientAction.Connected session = switch (login.outcome().get(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                case LoginHandler.Outcome.Connected(var connected) -> connected;
                case LoginHandler.Outcome.CancelSent _ -> throw new AssertionError("nobody asked to cancel");
                case LoginHandler.Outcome.Failed(var failure) -> throw new AssertionError(failure);
            };
            assertEquals(version, session.version().toString());
            BackendKeyData key = session.key().orElseThrow();
            assertEquals(keyLength, key.secretKey().value().length());

            QueryConversation sleep = new QueryConversation("sleep");
            channel.eventLoop().execute(() ->
                    handler.converse(channel.pipeline().context(handler), new FrontendMessage.Query("SELECT pg_sleep(60)"), sleep));
            Await.until(
                    "the query to run",
                    LIMIT,
                    () -> server.query("SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND wait_event = 'PgSleep'".formatted(key.processId())),
                    "1"::equals);
            cancel(address, new FrontendMessage.CancelRequest(key.processId(), key.secretKey()));
            ExecutionException canceled =
                    assertThrows(ExecutionException.class, () -> sleep.answer().get(LIMIT.toSeconds(), TimeUnit.SECONDS));
            assertTrue(canceled.toString().contains("canceling statement due to user request"), canceled::toString);
            channel.close().sync();
        }
    }

    private static void cancel(InetSocketAddress address, FrontendMessage request) throws IOException {
        ByteBuf out = Unpooled.buffer();
        FrontendEncoder.encode(request, out);
        try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
            socket.getOutputStream().write(ByteBufUtil.getBytes(out));
            assertEquals(-1, socket.getInputStream().read(), "the server says nothing");
        }
    }

    /** The messages of the first login, up to ReadyForQuery. */
    private static List<BackendMessage> login(byte[] recorded) {
        ByteBuf in = Unpooled.wrappedBuffer(recorded);
        BackendDecoder decoder = new BackendDecoder(BackendLimits.DEFAULT);
        List<BackendMessage> messages = new ArrayList<>();
        BackendMessage message;
        do {
            message = decoder.decode(in);
            if (message == null) {
                throw new AssertionError("no login in what was recorded: " + messages);
            }
            messages.add(message);
        } while (!(message instanceof BackendMessage.ReadyForQuery));
        return messages;
    }
}
