package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.walrelay.protocol.codec.BackendEncoder;
import io.walrelay.protocol.codec.Bytes;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.AuthenticationOk;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSasl;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslContinue;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslFinal;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.CopyBothResponse;
import io.walrelay.protocol.message.BackendMessage.CopyData;
import io.walrelay.protocol.message.BackendMessage.CopyDone;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.NegotiateProtocolVersion;
import io.walrelay.protocol.message.BackendMessage.Other;
import io.walrelay.protocol.message.BackendMessage.ParameterStatus;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.SecretKey;
import io.walrelay.protocol.message.TransactionStatus;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

final class MessageReaderTest {

    private static final Logger log = LoggerFactory.getLogger(MessageReaderTest.class);

    private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(false, true);
    private final List<Object> received = new ArrayList<>();

    @AfterEach
    void everyBufferIsLetGo() {
        assertEquals(0, allocator.metric().usedHeapMemory() + allocator.metric().usedDirectMemory(), "bytes that nobody let go");
    }

    /** Login, a query and a stream with its end, as a server sends them. */
    private static byte[] session() {
        return encoded(List.of(
                new NegotiateProtocolVersion(ProtocolVersion.V3_0, List.of("_pq_.x")),
                new AuthenticationSasl(List.of("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")),
                new AuthenticationSaslContinue(Secret.utf8("r=abc,s=QQ==,i=4096")),
                new AuthenticationSaslFinal(Secret.utf8("v=abc")),
                new AuthenticationOk(),
                new ParameterStatus("server_version", "18.1"),
                new BackendKeyData(7, new SecretKey(Secret.of(new byte[32]))),
                new ReadyForQuery(TransactionStatus.IDLE),
                new DataRow(Arrays.asList("a", null, "")),
                new CommandComplete("IDENTIFY_SYSTEM"),
                new Other((byte) 'A', Unpooled.wrappedBuffer(new byte[] {1, 2, 3})),
                new CopyBothResponse(),
                new CopyData(Unpooled.wrappedBuffer(noise(300))),
                new CopyData(Unpooled.EMPTY_BUFFER),
                new CopyData(Unpooled.wrappedBuffer(noise(18))),
                new CopyDone(),
                new ErrorResponse(Diagnostic.error("58P01", "requested WAL segment has already been removed"))));
    }

    @Test
    void readsTheSameHoweverTheBytesAreCut() {
        byte[] session = session();
        List<Object> whole = read(session, session.length);
        assertEquals(17, whole.size());
        for (int piece = 1; piece < session.length; piece++) {
            assertEquals(whole, read(session, piece), "in pieces of " + piece);
        }
    }

    @Test
    void readsTheSameInPiecesOfAnySize() {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        log.info("replay with -Dwalrelay.seed={}", seed);
        SplittableRandom random = new SplittableRandom(seed);
        byte[] session = session();
        List<Object> whole = read(session, session.length);
        for (int round = 0; round < 1_000; round++) {
            received.clear();
            MessageReader reader = new MessageReader(allocator, this::receive);
            for (int from = 0; from < session.length; ) {
                int to = Math.min(session.length, from + random.nextInt(1 + random.nextInt(400)));
                reader.read(piece(session, from, to));
                from = to;
            }
            reader.close();
            assertEquals(whole, received, "seed " + seed);
        }
    }

    @Test
    void copiesOnlyTheMessageThatIsCut() {
        byte[] stream = encoded(List.of(
                new CopyData(Unpooled.wrappedBuffer(noise(1_000))),
                new CopyData(Unpooled.wrappedBuffer(noise(1_000))),
                new CopyData(Unpooled.wrappedBuffer(noise(1_000)))));
        ByteBuf first = piece(stream, 0, 1_500);
        ByteBuf second = piece(stream, 1_500, stream.length);
        List<ByteBuf> data = new ArrayList<>();
        MessageReader reader = new MessageReader(allocator, message -> data.add(((CopyData) message).data()));
        reader.read(first);
        reader.read(second);
        assertEquals(3, data.size());
        assertSame(first.array(), data.get(0).array());
        assertNotSame(first.array(), data.get(1).array());
        assertNotSame(second.array(), data.get(1).array());
        assertSame(second.array(), data.get(2).array());
        assertEquals(List.of(1, 1), List.of(first.refCnt(), second.refCnt()), "only by the messages in them");
        data.forEach(ByteBuf::release);
    }

    @Test
    void readsAMessageOfMegabytesThatComesInManyPieces() {
        byte[] payload = noise(3 << 20);
        byte[] stream = encoded(List.of(new CopyData(Unpooled.wrappedBuffer(payload)), new CopyDone()));
        List<Object> read = read(stream, 1_448);
        assertEquals(List.of("CopyData " + ByteBufUtil.hexDump(payload), new CopyDone()), read);
    }

    /** A length below 4, one that is negative, one past every limit, and a type that no server sends: wherever the cut is. */
    @ParameterizedTest
    @ValueSource(strings = {"'d' 00000003", "'Z' FFFFFFFF", "'S' 7FFFFFFF", "'d' 00400001", "'!' 00000004"})
    void aBrokenHeaderEndsItHoweverItIsCut(String broken) {
        byte[] bytes = HexFormat.of().parseHex(Bytes.hex("'c' 00000004" + broken));
        for (int cut = 0; cut < bytes.length; cut++) {
            received.clear();
            int at = cut;
            MessageReader reader = new MessageReader(allocator, this::receive);
            assertThrows(
                    ProtocolViolation.class,
                    () -> {
                        reader.read(piece(bytes, 0, at));
                        reader.read(piece(bytes, at, bytes.length));
                    },
                    "cut after " + at);
            assertEquals(List.of(new CopyDone()), received);
            reader.close();
        }
    }

    @Test
    void whatNeverCameWholeIsLetGoAtTheEnd() {
        byte[] session = session();
        for (int end = 0; end < session.length; end++) {
            MessageReader reader = new MessageReader(allocator, this::receive);
            reader.read(piece(session, 0, end));
            reader.close();
            reader.close();
        }
    }

    private List<Object> read(byte[] bytes, int piece) {
        received.clear();
        MessageReader reader = new MessageReader(allocator, this::receive);
        for (int from = 0; from < bytes.length; from += piece) {
            reader.read(piece(bytes, from, Math.min(bytes.length, from + piece)));
        }
        reader.close();
        return List.copyOf(received);
    }

    private ByteBuf piece(byte[] bytes, int from, int to) {
        return allocator.heapBuffer(Math.max(1, to - from)).writeBytes(bytes, from, to - from);
    }

    private void receive(BackendMessage message) {
        received.add(switch (message) {
            case CopyData(var data) -> "CopyData " + Bytes.hex(data);
            case Other(var type, var body) -> "Other " + type + " " + Bytes.hex(body);
            default -> message;
        });
    }

    private static byte[] encoded(List<BackendMessage> messages) {
        ByteBuf out = Unpooled.buffer();
        messages.forEach(message -> BackendEncoder.encode(message, out));
        return ByteBufUtil.getBytes(out);
    }

    private static byte[] noise(int length) {
        byte[] bytes = new byte[length];
        new SplittableRandom(length).nextBytes(bytes);
        return bytes;
    }
}
