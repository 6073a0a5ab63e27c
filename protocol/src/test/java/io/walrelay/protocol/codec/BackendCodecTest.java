package io.walrelay.protocol.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.AuthenticationCleartextPassword;
import io.walrelay.protocol.message.BackendMessage.AuthenticationMd5Password;
import io.walrelay.protocol.message.BackendMessage.AuthenticationOk;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSasl;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslContinue;
import io.walrelay.protocol.message.BackendMessage.AuthenticationSaslFinal;
import io.walrelay.protocol.message.BackendMessage.AuthenticationUnsupported;
import io.walrelay.protocol.message.BackendMessage.BackendKeyData;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.CopyBothResponse;
import io.walrelay.protocol.message.BackendMessage.CopyData;
import io.walrelay.protocol.message.BackendMessage.CopyDone;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.EmptyQueryResponse;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.NegotiateProtocolVersion;
import io.walrelay.protocol.message.BackendMessage.NoticeResponse;
import io.walrelay.protocol.message.BackendMessage.Other;
import io.walrelay.protocol.message.BackendMessage.ParameterStatus;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.BackendMessage.RowDescription;
import io.walrelay.protocol.message.Column;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.SecretKey;
import io.walrelay.protocol.message.TransactionStatus;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class BackendCodecTest {

    private static final BackendDecoder DECODER = new BackendDecoder(BackendLimits.DEFAULT);

    static Stream<Arguments> messagesAndTheirBytes() {
        return Stream.of(
                Arguments.of(new AuthenticationOk(), "'R' 00000008 00000000"),
                Arguments.of(new AuthenticationCleartextPassword(), "'R' 00000008 00000003"),
                Arguments.of(
                        new AuthenticationMd5Password(Secret.of(new byte[] {1, 2, 3, 4})), "'R' 0000000C 00000005 01020304"),
                Arguments.of(
                        new AuthenticationSasl(List.of("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")),
                        "'R' 0000002A 0000000A 'SCRAM-SHA-256-PLUS' 00 'SCRAM-SHA-256' 00 00"),
                Arguments.of(new AuthenticationSaslContinue(Secret.utf8("r=x")), "'R' 0000000B 0000000B 'r=x'"),
                Arguments.of(new AuthenticationSaslFinal(Secret.utf8("v=y")), "'R' 0000000B 0000000C 'v=y'"),
                Arguments.of(new AuthenticationUnsupported(7), "'R' 00000008 00000007"),
                Arguments.of(
                        new NegotiateProtocolVersion(ProtocolVersion.V3_2, List.of("_pq_.a", "_pq_.b")),
                        "'v' 0000001A 00030002 00000002 '_pq_.a' 00 '_pq_.b' 00"),
                Arguments.of(
                        new BackendKeyData(258, new SecretKey(Secret.of(new byte[] {5, 6, 7, 8}))),
                        "'K' 0000000C 00000102 05060708"),
                Arguments.of(
                        new ParameterStatus("integer_datetimes", "on"), "'S' 00000019 'integer_datetimes' 00 'on' 00"),
                Arguments.of(new ReadyForQuery(TransactionStatus.IDLE), "'Z' 00000005 'I'"),
                Arguments.of(new ReadyForQuery(TransactionStatus.FAILED), "'Z' 00000005 'E'"),
                Arguments.of(
                        new ErrorResponse(
                                Diagnostic.error("58P01", "gone").withDetail("d").withHint("h")),
                        "'E' 00000026 'S' 'ERROR' 00 'V' 'ERROR' 00 'C' '58P01' 00 'M' 'gone' 00 'D' 'd' 00 'H' 'h' 00 00"),
                Arguments.of(
                        new NoticeResponse(new Diagnostic(
                                "NOTICE", "00000", "é", Optional.empty(), Optional.empty())),
                        "'N' 00000020 'S' 'NOTICE' 00 'V' 'NOTICE' 00 'C' '00000' 00 'M' C3A9 00 00"),
                Arguments.of(
                        new RowDescription(List.of(Column.text("systemid"), Column.int4("timeline"))),
                        """
                        'T' 0000003C 0002
                        'systemid' 00 00000000 0000 00000019 FFFF FFFFFFFF 0000
                        'timeline' 00 00000000 0000 00000017 0004 FFFFFFFF 0000"""),
                Arguments.of(
                        new DataRow(Arrays.asList("16MB", null, "")),
                        "'D' 00000016 0003 00000004 '16MB' FFFFFFFF 00000000"),
                Arguments.of(new CommandComplete("COPY 0"), "'C' 0000000B 'COPY 0' 00"),
                Arguments.of(new EmptyQueryResponse(), "'I' 00000004"),
                Arguments.of(new BackendMessage.ParseComplete(), "'1' 00000004"),
                Arguments.of(new BackendMessage.BindComplete(), "'2' 00000004"),
                Arguments.of(new BackendMessage.CloseComplete(), "'3' 00000004"),
                Arguments.of(new BackendMessage.NoData(), "'n' 00000004"),
                Arguments.of(new BackendMessage.PortalSuspended(), "'s' 00000004"),
                Arguments.of(new BackendMessage.ParameterDescription(List.of(23, 3220)), "'t' 0000000E 0002 00000017 00000C94"),
                Arguments.of(
                        new RowDescription(List.of(new Column("l", 3220, (short) 8, (short) 1))),
                        "'T' 0000001A 0001 'l' 00 00000000 0000 00000C94 0008 FFFFFFFF 0001"),
                Arguments.of(
                        new ErrorResponse(Diagnostic.error("42601", "no").at(12)),
                        "'E' 00000022 'S' 'ERROR' 00 'V' 'ERROR' 00 'C' '42601' 00 'M' 'no' 00 'P' '12' 00 00"),
                Arguments.of(new CopyBothResponse(), "'W' 00000007 00 0000"),
                Arguments.of(new CopyDone(), "'c' 00000004"));
    }

    @ParameterizedTest
    @MethodSource("messagesAndTheirBytes")
    void writesEachMessage(BackendMessage message, String bytes) {
        ByteBuf out = Unpooled.buffer();
        BackendEncoder.encode(message, out);
        assertEquals(Bytes.hex(bytes), Bytes.hex(out));
    }

    @ParameterizedTest
    @MethodSource("messagesAndTheirBytes")
    void readsEachMessageHoweverItIsCut(BackendMessage message, String bytes) {
        ByteBuf whole = Bytes.of(bytes);
        for (int cut = 0; cut < whole.readableBytes(); cut++) {
            ByteBuf in = whole.copy(0, cut);
            assertNull(DECODER.decode(in), "cut after " + cut);
            assertEquals(0, in.readerIndex());
            in.writeBytes(whole, cut, whole.readableBytes() - cut);
            assertEquals(message, DECODER.decode(in));
            assertEquals(0, in.readableBytes());
            assertEquals(1, in.refCnt());
            in.release();
        }
        whole.release();
    }

    @Test
    void givesCopyDataAsASliceThatOwnsAReference() {
        ByteBuf in = Bytes.of("'d' 00000006 0102 'A' 00000005 'x'");
        CopyData data = assertInstanceOf(CopyData.class, DECODER.decode(in));
        Other other = assertInstanceOf(Other.class, DECODER.decode(in));
        assertEquals(3, in.refCnt());
        in.setByte(5, 0x7F);
        assertEquals("7f02", Bytes.hex(data.data()));
        assertEquals('A', other.type());
        assertEquals("78", Bytes.hex(other.body()));
        assertEquals(1, in.refCnt());
        in.release();
    }

    @Test
    void writesCopyDataAndReleasesIt() {
        ByteBuf data = Bytes.of("010203");
        ByteBuf out = Unpooled.buffer();
        BackendEncoder.encode(new CopyData(data), out);
        assertEquals(Bytes.hex("'d' 00000007 010203"), Bytes.hex(out));
        assertEquals(0, data.refCnt());
    }

    @Test
    void releasesCopyDataThatItCannotWriteAndTakesBackWhatItWrote() {
        ByteBuf data = Bytes.of("010203");
        ByteBuf out = Unpooled.buffer(7, 7).writeByte(0x55);
        assertThrows(IndexOutOfBoundsException.class, () -> BackendEncoder.encode(new CopyData(data), out));
        assertEquals(0, data.refCnt());
        assertEquals("55", Bytes.hex(out));
    }

    @Test
    void refusesToWriteTextThatWouldEndEarly() {
        ByteBuf out = Unpooled.buffer();
        assertThrows(
                IllegalArgumentException.class, () -> BackendEncoder.encode(new ParameterStatus("a", "b\0c"), out));
        assertThrows(
                IllegalArgumentException.class,
                () -> BackendEncoder.encode(new DataRow(Collections.nCopies(32_768, "")), out));
        assertEquals("", Bytes.hex(out));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            00                              | unexpected response from server; first received character was 0
            70                              | unexpected response from server; first received character was 'p'
            5A 00000003                     | lost synchronization with server: got message type "Z", length 3
            64 FFFFFFFF                     | lost synchronization with server: got message type "d", length -1
            64 00400001                     | lost synchronization with server: got message type "d", length 4194305
            53 00007531                     | lost synchronization with server: got message type "S", length 30001
            52 00000006 0000                | insufficient data left in message
            52 0000000B 00000005 010203     | insufficient data left in message
            52 0000000D 00000005 0102030405 | invalid message format
            52 0000000A 0000000A 6100       | invalid string in message
            5A 00000005 58                  | invalid message format
            5A 00000004                     | insufficient data left in message
            4B 00000008 00000001            | invalid length of cancel key
            45 00000004                     | insufficient data left in message
            45 00000006 4D61                | invalid string in message
            45 00000006 0000                | invalid message format
            44 00000006 FFFF                | insufficient data left in message
            44 00000006 7FFF                | insufficient data left in message
            44 0000000A 0001 FFFFFFFE       | insufficient data left in message
            44 0000000A 0001 00000001       | insufficient data left in message
            54 00000006 7FFF                | insufficient data left in message
            76 0000000C 00030000 7FFFFFFF   | insufficient data left in message
            76 0000000C 00030000 80000000   | insufficient data left in message
            57 00000007 00 0001             | insufficient data left in message
            43 00000006 4142                | invalid string in message
            """)
    void refusesAMalformedMessage(String bytes, String message) {
        ByteBuf in = Bytes.of(bytes);
        ProtocolViolation violation = assertThrows(ProtocolViolation.class, () -> DECODER.decode(in));
        assertEquals(message, violation.diagnostic().message());
        assertEquals(ProtocolViolation.SQLSTATE, violation.diagnostic().sqlState());
        assertEquals(0, in.readerIndex(), "nothing is consumed");
        assertEquals(1, in.refCnt());
        in.release();
    }

    @Test
    void readsAnErrorOfAnOldServerAndIgnoresFieldsThatItDoesNotKnow() {
        ByteBuf in = Bytes.of("'E' 00000018 'S' 'FEHLER' 00 'R' 'f' 00 'M' 'weg' 00 '_' 'x' 00 00");
        assertEquals(
                new ErrorResponse(
                        new Diagnostic("FEHLER", "XX000", "weg", Optional.empty(), Optional.empty())),
                DECODER.decode(in));
        in.release();
    }

    @Test
    void readsTheAnswerToAnSslRequest() {
        assertEquals(EncryptionAnswer.ACCEPTED, answer("'S'"));
        assertEquals(EncryptionAnswer.DECLINED, answer("'N'"));
        assertEquals(EncryptionAnswer.DECLINED, answer("'N' 00"));
        assertNull(answer(""));
        assertThrows(ProtocolViolation.class, () -> answer("'S' 16"), "bytes before the TLS handshake");
        assertThrows(ProtocolViolation.class, () -> answer("'E'"));
        assertThrows(ProtocolViolation.class, () -> answer("'G'"));
    }

    private static @Nullable EncryptionAnswer answer(String spelled) {
        ByteBuf in = Bytes.of(spelled);
        try {
            return EncryptionAnswer.decodeSsl(in);
        } finally {
            in.release();
        }
    }
}
