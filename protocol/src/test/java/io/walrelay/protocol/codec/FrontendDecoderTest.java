package io.walrelay.protocol.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.codec.FrontendDecoder.Phase;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.FrontendMessage.AuthenticationResponse;
import io.walrelay.protocol.message.FrontendMessage.CancelRequest;
import io.walrelay.protocol.message.FrontendMessage.CopyData;
import io.walrelay.protocol.message.FrontendMessage.Extended;
import io.walrelay.protocol.message.FrontendMessage.GssEncRequest;
import io.walrelay.protocol.message.FrontendMessage.Query;
import io.walrelay.protocol.message.FrontendMessage.SslRequest;
import io.walrelay.protocol.message.FrontendMessage.StartupMessage;
import io.walrelay.protocol.message.FrontendMessage.Sync;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.SecretKey;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FrontendDecoderTest {

    private static FrontendDecoder decoder(Phase phase) {
        FrontendDecoder decoder = new FrontendDecoder(FrontendLimits.DEFAULT);
        decoder.expect(phase);
        return decoder;
    }

    private static FrontendMessage decode(Phase phase, String spelled) {
        ByteBuf in = Bytes.of(spelled);
        try {
            FrontendMessage message = decoder(phase).decode(in);
            assertEquals(0, in.readableBytes(), "all of it is consumed");
            if (message == null) {
                throw new AssertionError("not whole: " + spelled);
            }
            return message;
        } finally {
            in.release();
        }
    }

    private static ProtocolViolation refuse(Phase phase, String spelled) {
        ByteBuf in = Bytes.of(spelled);
        try {
            ProtocolViolation violation =
                    assertThrows(ProtocolViolation.class, () -> decoder(phase).decode(in));
            assertEquals(0, in.readerIndex(), "nothing is consumed");
            assertEquals(1, in.refCnt(), "nothing is retained");
            return violation;
        } finally {
            in.release();
        }
    }

    @Test
    void readsTheRequestsThatOpenAConnection() {
        assertEquals(new SslRequest(), decode(Phase.OPENING, "00000008 04D2162F"));
        assertEquals(new GssEncRequest(), decode(Phase.OPENING, "00000008 04D21630"));
        assertEquals(
                new CancelRequest(258, new SecretKey(Secret.of(new byte[] {1, 2, 3, 4}))),
                decode(Phase.OPENING, "00000010 04D2162E 00000102 01020304"));
    }

    @Test
    void readsACancelKeyOfProtocol32() {
        CancelRequest request = assertInstanceOf(
                CancelRequest.class, decode(Phase.OPENING, "0000010C 04D2162E 00000001 " + "AB".repeat(256)));
        assertEquals(256, request.secretKey().value().length());
    }

    @Test
    void readsAStartupMessageInItsOrder() {
        StartupMessage startup = assertInstanceOf(
                StartupMessage.class,
                decode(
                        Phase.OPENING,
                        "00000036 00030000 'user' 00 'repl' 00 'replication' 00 'true' 00 'a' 00 '' 00 'database' 00 'db' 00 'x' 00 00 00"));
        assertEquals(ProtocolVersion.V3_0, startup.version());
        assertEquals(List.of("user", "replication", "a", "database", "x"), List.copyOf(startup.parameters().keySet()));
        assertEquals(Map.of("user", "repl", "replication", "true", "a", "", "database", "db", "x", ""), startup.parameters());
    }

    @Test
    void readsAStartupMessageWithoutParametersAndOfALaterMinorVersion() {
        assertEquals(
                new StartupMessage(new ProtocolVersion(3, 9999), Map.of()), decode(Phase.OPENING, "00000009 0003270F 00"));
    }

    @Test
    void takesTheLongestStartupPacketOfPostgresql() {
        // 10000 bytes after the length word: version 4, name 2, value 9992 + 1, terminator 1.
        decode(Phase.OPENING, "00002714 00030000 'a' 00 " + "62".repeat(9992) + "00 00");
        ProtocolViolation tooLong = refuse(Phase.OPENING, "00002715");
        assertEquals("FATAL: invalid length of startup packet (08P01) DETAIL: 10005 bytes; expected 8 to 10004.", tooLong.getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            00000007              | 08P01 | invalid length of startup packet
            00000000              | 08P01 | invalid length of startup packet
            FFFFFFFF              | 08P01 | invalid length of startup packet
            80000000              | 08P01 | invalid length of startup packet
            'GET / HTTP/1.1'      | 08P01 | invalid length of startup packet
            16030100              | 08P01 | invalid length of startup packet
            00000008 00030000     | 08P01 | invalid startup packet layout: expected terminator as last byte
            00000009 00030000 61  | 08P01 | invalid startup packet layout: expected terminator as last byte
            0000000B 00030000 610000 | 08P01 | invalid startup packet layout: expected terminator as last byte
            0000000C 00030000 61006200 | 08P01 | invalid startup packet layout: expected terminator as last byte
            0000000B 00030000 006100 | 08P01 | invalid startup packet layout: expected terminator as last byte
            0000000C 00030000 61616161 | 08P01 | invalid string in message
            0000000C 04D2162F 00000000 | 08P01 | invalid message format
            00000009 04D21630 00  | 08P01 | invalid message format
            00000008 04D2162E     | 08P01 | invalid length of cancel request packet
            0000000C 04D2162E 00000001 | 08P01 | invalid length of cancel key in cancel request packet
            00000009 00020000 00  | 0A000 | unsupported frontend protocol 2.0: server supports 3.0 to 3.2
            00000009 00040000 00  | 0A000 | unsupported frontend protocol 4.0: server supports 3.0 to 3.2
            """)
    void refusesAMalformedOpening(String bytes, String sqlState, String message) {
        ProtocolViolation violation = refuse(Phase.OPENING, unquote(bytes));
        assertEquals(sqlState, violation.diagnostic().sqlState());
        assertEquals(message, violation.diagnostic().message());
        assertEquals("FATAL", violation.diagnostic().severity());
    }

    /** CsvSource takes single quotes for its own. */
    private static String unquote(String bytes) {
        return bytes.startsWith("GET") ? "'" + bytes + "'" : bytes;
    }

    @Test
    void refusesACancelKeyThatIsTooLong() {
        assertEquals(
                "invalid length of cancel key in cancel request packet",
                refuse(Phase.OPENING, "0000010D 04D2162E 00000001 " + "AB".repeat(257)).diagnostic().message());
    }

    @Test
    void readsAnAnswerToAnAuthenticationRequest() {
        assertEquals(
                new AuthenticationResponse(Secret.of("md5 x\0".getBytes(StandardCharsets.US_ASCII))),
                decode(Phase.AUTHENTICATION, "'p' 0000000A 'md5 x' 00"));
        assertEquals(new AuthenticationResponse(Secret.of(new byte[0])), decode(Phase.AUTHENTICATION, "'p' 00000004"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            51            | expected password response, got message type 81
            FF            | expected password response, got message type 255
            70 00000003   | invalid message length
            70 00010000   | invalid message length
            70 FFFFFFFF   | invalid message length
            """)
    void refusesAnythingElseDuringAuthentication(String bytes, String message) {
        ProtocolViolation violation = refuse(Phase.AUTHENTICATION, bytes);
        assertEquals(ProtocolViolation.SQLSTATE, violation.diagnostic().sqlState());
        assertEquals(message, violation.diagnostic().message());
    }

    @Test
    void namesTheTypeTheLengthAndTheLimitOfAMessageThatIsTooLong() {
        assertEquals(
                "A message of type 'Q' announces 1000000 bytes; expected 4 to 262144.",
                refuse(Phase.SESSION, "'Q' 000F4240").diagnostic().detail().orElseThrow());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            00                   | invalid frontend message type 0
            70                   | invalid frontend message type 112
            F0                   | invalid frontend message type 240
            51 00000003          | invalid message length
            64 80000000          | invalid message length
            53 00002711          | invalid message length
            51 00000004          | invalid string in message
            51 00000005 61       | invalid string in message
            51 00000007 610062   | invalid message format
            66 00000004          | invalid string in message
            53 00000005 00       | invalid message format
            63 00000005 00       | invalid message format
            """)
    void refusesAMalformedMessageOfASession(String bytes, String message) {
        ProtocolViolation violation = refuse(Phase.SESSION, bytes);
        assertEquals(ProtocolViolation.SQLSTATE, violation.diagnostic().sqlState());
        assertEquals(message, violation.diagnostic().message());
    }

    @Test
    void givesCopyDataAsASliceThatOwnsAReference() {
        ByteBuf in = Bytes.of("'d' 00000006 0102 'd' 00000004");
        CopyData data = assertInstanceOf(CopyData.class, decoder(Phase.SESSION).decode(in));
        assertEquals(2, in.refCnt());
        in.setByte(5, 0x7F);
        assertEquals(0x7F, data.data().getByte(0), "a slice, not a copy");
        data.data().release();
        assertEquals(1, in.refCnt());
        assertEquals(7, in.readerIndex());
        in.release();
    }

    @Test
    void doesNotLookIntoTheExtendedQueryProtocol() {
        Extended parse = assertInstanceOf(Extended.class, decode(Phase.SESSION, "'P' 00000007 'abc'"));
        assertEquals('P', parse.type());
        assertEquals("616263", Bytes.hex(parse.body()));
    }

    @Test
    void waitsUntilItIsToldWhatComesNextBeforeTheSession() {
        ByteBuf in = Bytes.of("00000009 00030000 00 'p' 00000005 00 'Q' 00000005 00 'S' 00000004");
        FrontendDecoder decoder = new FrontendDecoder(FrontendLimits.DEFAULT);
        assertInstanceOf(StartupMessage.class, decoder.decode(in));
        assertNull(decoder.decode(in));
        decoder.expect(Phase.AUTHENTICATION);
        assertInstanceOf(AuthenticationResponse.class, decoder.decode(in));
        assertNull(decoder.decode(in), "a client that sends ahead is neither misread nor refused");
        decoder.expect(Phase.SESSION);
        assertEquals(new Query(""), decoder.decode(in));
        assertEquals(new Sync(), decoder.decode(in));
        assertNull(decoder.decode(in));
        in.release();
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '"', delimiter = '|', textBlock = """
            00000008 04D2162F
            00000008 04D21630
            00000010 04D2162E 00000102 01020304
            0000002C 04D2162E 00000102 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F
            00000009 00030002 00
            00000011 00030002 'user' 00 'me' 00 00
            00000036 00030000 'user' 00 'repl' 00 'replication' 00 'true' 00 'a' 00 '' 00 'database' 00 'db' 00 'x' 00 00 00
            """)
    void readsEachOpeningTheSameHoweverItIsCut(String spelled) {
        everyCut(Phase.OPENING, spelled, 1);
    }

    @Test
    void readsTheLongestCancelKeyTheSameHoweverItIsCut() {
        everyCut(Phase.OPENING, "0000010C 04D2162E 00000001 " + "AB".repeat(256), 1);
    }

    /** A password in clear, one of md5, SASLInitialResponse, SASLResponse, and none at all. */
    @ParameterizedTest
    @CsvSource(quoteCharacter = '"', delimiter = '|', textBlock = """
            'p' 0000000B 'secret' 00
            'p' 00000028 'md5900150983cd24fb0d6963f7d28e17f72' 00
            'p' 00000022 'SCRAM-SHA-256' 00 0000000C 'n,,n=*,r=abc'
            'p' 00000012 'c=biws,r=abcd,'
            'p' 00000004
            """)
    void readsEachAnswerToAnAuthenticationRequestTheSameHoweverItIsCut(String spelled) {
        everyCut(Phase.AUTHENTICATION, spelled, 1);
    }

    /** Queries, a standby's status update and its feedback as CopyData, the extended protocol, and each of the short messages. */
    @Test
    void readsASessionTheSameHoweverItIsCut() {
        everyCut(
                Phase.SESSION,
                """
                'Q' 00000014 'IDENTIFY_SYSTEM' 00
                'Q' 00000005 00
                'd' 00000026 'r' 0000000001000028 0000000001000020 0000000001000018 0000000000000007 01
                'd' 0000001D 'h' 0000000000000007 00000003 00000000 00000004 00000000
                'd' 00000005 'x'
                'd' 00000004
                'c' 00000004
                'f' 00000006 'y' 00
                'P' 00000007 'abc'
                'S' 00000004
                'H' 00000004
                'X' 00000004
                """,
                12);
    }

    /** All phases, one byte after the other: what comes next is said as soon as a message is there. */
    @Test
    void readsAWholeConnectionByteByByte() {
        ByteBuf all = Bytes.of(
                """
                00000008 04D21630
                00000008 04D2162F
                0000001F 00030002 'user' 00 'me' 00 'replication' 00 '1' 00 00
                'p' 00000022 'SCRAM-SHA-256' 00 0000000C 'n,,n=*,r=abc'
                'p' 00000012 'c=biws,r=abcd,'
                'Q' 00000014 'IDENTIFY_SYSTEM' 00
                'd' 00000026 'r' 0000000001000028 0000000001000020 0000000001000018 0000000000000007 01
                'c' 00000004
                'X' 00000004
                """);
        FrontendDecoder decoder = new FrontendDecoder(FrontendLimits.DEFAULT);
        ByteBuf in = Unpooled.buffer();
        List<String> read = new ArrayList<>();
        while (all.isReadable()) {
            in.writeByte(all.readByte());
            FrontendMessage message = decoder.decode(in);
            if (message != null) {
                assertEquals(0, in.readableBytes(), "a message ends with its last byte");
                read.add(message.getClass().getSimpleName());
                comparable(message);
                decoder.expect(switch (message) {
                    case StartupMessage _ -> Phase.AUTHENTICATION;
                    case FrontendMessage.Opening _ -> Phase.OPENING;
                    case AuthenticationResponse _ when read.size() < 5 -> Phase.AUTHENTICATION;
                    default -> Phase.SESSION;
                });
            }
        }
        assertEquals(
                List.of("GssEncRequest", "SslRequest", "StartupMessage", "AuthenticationResponse", "AuthenticationResponse", "Query", "CopyData", "CopyDone", "Terminate"),
                read);
        all.release();
        in.release();
    }

    private static void everyCut(Phase phase, String spelled, int messages) {
        byte[] bytes = HexFormat.of().parseHex(Bytes.hex(spelled));
        List<Object> whole = read(phase, bytes, bytes.length);
        assertEquals(messages, whole.size());
        for (int piece = 1; piece < bytes.length; piece++) {
            assertEquals(whole, read(phase, bytes, piece), "in pieces of " + piece);
        }
    }

    /** Feeds {@code bytes} in pieces of {@code piece}, so that every boundary is met with every rest. */
    private static List<Object> read(Phase phase, byte[] bytes, int piece) {
        FrontendDecoder decoder = decoder(phase);
        ByteBuf in = Unpooled.buffer();
        List<Object> read = new ArrayList<>();
        for (int from = 0; from < bytes.length; from += piece) {
            in.writeBytes(bytes, from, Math.min(piece, bytes.length - from));
            for (FrontendMessage message = decoder.decode(in); message != null; message = decoder.decode(in)) {
                read.add(comparable(message));
            }
        }
        assertEquals(0, in.readableBytes());
        assertEquals(1, in.refCnt());
        in.release();
        return read;
    }

    /** Buffers as what is in them, which are released; the other messages are values, secrets included. */
    private static Object comparable(FrontendMessage message) {
        return switch (message) {
            case CopyData(var data) -> "CopyData " + Bytes.hex(data);
            case Extended(var type, var body) -> "Extended " + type + " " + Bytes.hex(body);
            default -> message;
        };
    }
}
