package io.walrelay.protocol.replication;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.codec.Bytes;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.replication.FromServer.PrimaryKeepalive;
import io.walrelay.protocol.replication.FromServer.XLogData;
import io.walrelay.protocol.replication.FromStandby.HotStandbyFeedback;
import io.walrelay.protocol.replication.FromStandby.StandbyStatusUpdate;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.Xmins;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReplicationCodecTest {

    private static final Lsn START = Lsn.parse("1/2000028");
    private static final Lsn END = Lsn.parse("1/2000100");

    @Test
    void writesTheHeaderOfWalThatFollowsFromElsewhere() {
        ByteBuf out = Unpooled.buffer();
        FromServerCodec.writeXLogDataHeader(out, START, END, 1, 131072);
        assertEquals(FromServerCodec.XLOG_DATA_HEADER, out.readableBytes());
        assertEquals(
                Bytes.hex("'d' 0002001D 'w' 0000000102000028 0000000102000100 0000000000000001"), Bytes.hex(out));
    }

    @Test
    void refusesAHeaderWhoseLengthDoesNotFit() {
        ByteBuf out = Unpooled.buffer();
        assertThrows(
                IllegalArgumentException.class,
                () -> FromServerCodec.writeXLogDataHeader(out, START, END, 1, Integer.MAX_VALUE));
        assertThrows(
                IllegalArgumentException.class, () -> FromServerCodec.writeXLogDataHeader(out, START, END, 1, -1));
        assertEquals("", Bytes.hex(out));
    }

    @Test
    void writesAKeepalive() {
        ByteBuf out = Unpooled.buffer();
        FromServerCodec.writeKeepalive(out, END, -2, true);
        assertEquals(FromServerCodec.KEEPALIVE, out.readableBytes());
        assertEquals(Bytes.hex("'d' 00000016 'k' 0000000102000100 FFFFFFFFFFFFFFFE 01"), Bytes.hex(out));
    }

    @Test
    void readsXLogDataInPlaceAndHandsTheReferenceOn() {
        ByteBuf body = Bytes.of("'w' 0000000102000028 0000000102000100 0000000000000001 ABCD");
        XLogData data = assertInstanceOf(XLogData.class, FromServerCodec.decode(body));
        assertEquals(START, data.start());
        assertEquals(END, data.end());
        assertEquals(1, data.sendTime());
        assertSame(body, data.wal());
        assertEquals(1, body.refCnt());
        assertEquals("abcd", Bytes.hex(data.wal()));
    }

    @Test
    void readsAKeepaliveAndReleasesIt() {
        ByteBuf body = Bytes.of("'k' 0000000102000100 0000000000000005 00");
        assertEquals(new PrimaryKeepalive(END, 5, false), FromServerCodec.decode(body));
        assertEquals(0, body.refCnt());
    }

    @Test
    void feedbackHasTransactionsAndTheirEpochs() {
        Xmins held = new Xmins(FullTransactionId.of(2, -1), FullTransactionId.of(3, 700));
        HotStandbyFeedback feedback = HotStandbyFeedback.of(held, 7);
        assertEquals(new HotStandbyFeedback(7, -1, 2, 700, 3), feedback);
        assertEquals(held, feedback.held());
        assertEquals(new HotStandbyFeedback(7, 0, 0, 0, 0), HotStandbyFeedback.of(Xmins.NONE, 7));
        assertEquals(Xmins.NONE, new HotStandbyFeedback(7, 0, 5, 0, 5).held(), "a standby sends its epoch also with nothing");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            ''                                       | invalid replication message: an empty CopyData; expected 'w' or 'k'
            78                                       | invalid replication message type 120
            FF                                       | invalid replication message type 255
            77                                       | invalid WAL message received from primary
            77 0000000000000001 0000000000000001 00000000000001 | invalid WAL message received from primary
            6B 0000000000000001 0000000000000001     | invalid keepalive message received from primary
            6B 0000000000000001 0000000000000001 0000 | invalid keepalive message received from primary
            """, quoteCharacter = '"')
    void refusesAMalformedBodyOfAServerAndReleasesIt(String bytes, String message) {
        ByteBuf body = Bytes.of(bytes);
        ProtocolViolation violation = assertThrows(ProtocolViolation.class, () -> FromServerCodec.decode(body));
        assertEquals(message, violation.diagnostic().message());
        assertEquals(0, body.refCnt());
    }

    @Test
    void writesAndReadsAStatusUpdate() {
        StandbyStatusUpdate update = new StandbyStatusUpdate(END, START, Lsn.INVALID, 7, true);
        String bytes = "'r' 0000000102000100 0000000102000028 0000000000000000 0000000000000007 01";
        ByteBuf out = Unpooled.buffer();
        FromStandbyCodec.encode(update, out);
        assertEquals(Bytes.hex("'d' 00000026 " + bytes), Bytes.hex(out));
        ByteBuf body = Bytes.of(bytes);
        assertEquals(update, FromStandbyCodec.decode(body));
        assertEquals(0, body.refCnt());
    }

    @Test
    void writesAndReadsHotStandbyFeedback() {
        HotStandbyFeedback feedback = new HotStandbyFeedback(7, -1, 2, 3, 4);
        String bytes = "'h' 0000000000000007 FFFFFFFF 00000002 00000003 00000004";
        ByteBuf out = Unpooled.buffer();
        FromStandbyCodec.encode(feedback, out);
        assertEquals(Bytes.hex("'d' 0000001D " + bytes), Bytes.hex(out));
        ByteBuf body = Bytes.of(bytes);
        assertEquals(feedback, FromStandbyCodec.decode(body));
        assertEquals(0, body.refCnt());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            ''                                         | insufficient data left in message
            72                                         | insufficient data left in message
            68 0000000000000007 0000000000000000 0000000000000000 00 | invalid message format
            68 0000000000000007 00000000 00000000      | insufficient data left in message
            71                                         | unexpected message type "q"
            FF                                         | unexpected message type "\\377"
            """, quoteCharacter = '`')
    void refusesAMalformedBodyOfAStandbyAndReleasesIt(String bytes, String message) {
        ByteBuf body = Bytes.of(bytes);
        ProtocolViolation violation = assertThrows(ProtocolViolation.class, () -> FromStandbyCodec.decode(body));
        assertEquals(message, violation.diagnostic().message());
        assertEquals(0, body.refCnt());
    }

    @Test
    void countsMicrosecondsFromTheYear2000() {
        assertEquals(0, PgTime.of(Instant.parse("2000-01-01T00:00:00Z")));
        assertEquals(1_000_001, PgTime.of(Instant.parse("2000-01-01T00:00:01.000001999Z")));
        assertEquals(-1, PgTime.of(Instant.parse("1999-12-31T23:59:59.999999Z")));
        assertEquals(Instant.parse("1999-12-31T23:59:59.999999Z"), PgTime.toInstant(-1));
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -1, 0, 1, 845_000_000_123_456L, Long.MAX_VALUE})
    void turnsEveryNumberIntoATimeAndBack(long micros) {
        if (micros == Long.MIN_VALUE) {
            // Its whole seconds alone lie below what 64 bits of microseconds can say.
            assertEquals(micros + 1_000_000, PgTime.of(PgTime.toInstant(micros).plusSeconds(1)));
        } else {
            assertEquals(micros, PgTime.of(PgTime.toInstant(micros)));
        }
    }
}
