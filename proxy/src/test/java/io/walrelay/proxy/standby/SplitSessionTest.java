package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.walrelay.protocol.handshake.AuthenticationDecision;
import io.walrelay.protocol.handshake.ClientAction;
import io.walrelay.protocol.handshake.ClientHandshake;
import io.walrelay.protocol.handshake.ClientLogin;
import io.walrelay.protocol.handshake.ClientSecurity;
import io.walrelay.protocol.handshake.Credential;
import io.walrelay.protocol.handshake.PasswordVerifier;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.handshake.SslMode;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.CopyDone;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.SecretKey;
import io.walrelay.protocol.replication.FromStandby;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.Xmins;
import io.walrelay.wal.format.WalCraft;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A whole session that the relay reads one byte at a time, or in small pieces that end anywhere: the same answers as in messages. */
final class SplitSessionTest {

    private static final Lsn START = Lsn.parse("0/1000000");

    @TempDir
    private Path data;

    private final WalCraft wal = WalCraft.begin(new SegmentSize(1 << 20), new SystemId(7), START, 1).randomRecords(40, 3_000);

    /** One that takes at most {@code piece} bytes from the kernel at once. */
    private RelayFixture relay(int piece) throws Exception {
        PasswordVerifier verifier = PasswordVerifier.Scram.of("right", new SecureRandom());
        var admission = new Authenticator.Admission(new AuthenticationDecision.ScramSha256(Optional.of(verifier)), Optional.empty());
        RelayFixture relay = RelayFixture.start(data, wal, RelayFixture.LIMITS, (_, _) -> CompletableFuture.completedFuture(admission), Optional.empty());
        relay.server().listening().pipeline().addFirst(new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext ctx, Object accepted) {
                ((Channel) accepted).config().setRecvByteBufAllocator(new FixedRecvByteBufAllocator(piece));
                ctx.fireChannelRead(accepted);
            }
        });
        return relay;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 38})
    void aSessionIsTheSameInPieces(int piece) throws Exception {
        try (RelayFixture relay = relay(piece);
                FakeStandby standby = FakeStandby.connect(relay.address())) {
            standby.send(new FrontendMessage.GssEncRequest());
            assertEquals('N', standby.rawByte());
            standby.send(new FrontendMessage.SslRequest());
            assertEquals('N', standby.rawByte());
            logIn(standby, "right");
            assertEquals(
                    new DataRow(Arrays.asList("7", "1", wal.end().toString(), null)),
                    standby.ask("IDENTIFY_SYSTEM").get(1));
            standby.ask("CREATE_REPLICATION_SLOT s1 PHYSICAL RESERVE_WAL");
            standby.start("SLOT s1 PHYSICAL %s TIMELINE 1".formatted(START));
            assertArrayEquals(wal.bytes(START, wal.end()), standby.receiveUntil(START, wal.end()));
            standby.raw(feedback());
            Lsn half = START.plus(8192);
            standby.reply(wal.end(), half, half, true);
            assertEquals(wal.end(), standby.keepalive().end());
            assertEquals(half, restartLsn(relay));
            assertEquals(new Xmins(FullTransactionId.of(2, 100), FullTransactionId.of(1, 90)), relay.cache().slots().find("s1").orElseThrow().xmins());
            standby.reply(wal.end(), wal.end(), half, true);
            standby.keepalive();
            assertEquals(wal.end(), restartLsn(relay));
            standby.send(new FrontendMessage.CopyDone());
            standby.expectAfterKeepalives(CopyDone.class);
            assertEquals(2, standby.until(ReadyForQuery.class).stream().filter(CommandComplete.class::isInstance).count());
            assertEquals("IDENTIFY_SYSTEM", ((CommandComplete) standby.ask("IDENTIFY_SYSTEM").get(2)).tag());
            standby.send(new FrontendMessage.Terminate());
            assertTrue(standby.isClosedByServer());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void aWrongPasswordAndACancelRequestAreTheSameInPieces(int piece) throws Exception {
        try (RelayFixture relay = relay(piece);
                FakeStandby wrong = FakeStandby.connect(relay.address());
                FakeStandby canceller = FakeStandby.connect(relay.address())) {
            AssertionError refused = assertThrows(AssertionError.class, () -> logIn(wrong, "wrong"));
            assertTrue(String.valueOf(refused.getMessage()).contains("28P01"), refused::toString);
            assertTrue(wrong.isClosedByServer());
            canceller.send(new FrontendMessage.CancelRequest(1, new SecretKey(Secret.of(new byte[256]))));
            assertTrue(canceller.isClosedByServer());
        }
    }

    private static void logIn(FakeStandby standby, String password) throws Exception {
        ClientHandshake handshake = new ClientHandshake(
                new ClientLogin("repl", Optional.empty(), SessionKind.PHYSICAL_REPLICATION, Map.of("application_name", "pieces"), new Credential.Password(() -> Optional.of(password))),
                ClientSecurity.DEFAULT.withSslMode(SslMode.DISABLE),
                SslMode.DISABLE.first());
        Deque<ClientAction> due = new ArrayDeque<>(handshake.start());
        while (true) {
            switch (due.isEmpty() ? null : due.remove()) {
                case null -> due.addAll(handshake.onMessage(standby.next()));
                case ClientAction.Send(var message) -> standby.send(message);
                case ClientAction.Connected _ -> {
                    return;
                }
                case ClientAction.Notice notice -> throw new AssertionError(notice);
                case ClientAction.CancelSent _ -> throw new AssertionError("nobody asked to cancel");
                case ClientAction.StartTls _ -> throw new AssertionError("TLS was not asked for");
                case ClientAction.Fail(var failure) -> throw new AssertionError(failure.toString());
            }
        }
    }

    private static byte[] feedback() {
        ByteBuf out = Unpooled.buffer();
        FromStandbyCodec.encode(new FromStandby.HotStandbyFeedback(7, 100, 2, 90, 1), out);
        return ByteBufUtil.getBytes(out);
    }

    private static Lsn restartLsn(RelayFixture relay) {
        return relay.cache().slots().find("s1").orElseThrow().restartLsn();
    }
}
