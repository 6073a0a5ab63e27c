package io.walrelay.protocol.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.FrontendMessage.AuthenticationResponse;
import io.walrelay.protocol.message.FrontendMessage.CancelRequest;
import io.walrelay.protocol.message.FrontendMessage.CopyData;
import io.walrelay.protocol.message.FrontendMessage.CopyDone;
import io.walrelay.protocol.message.FrontendMessage.CopyFail;
import io.walrelay.protocol.message.FrontendMessage.Extended;
import io.walrelay.protocol.message.FrontendMessage.Flush;
import io.walrelay.protocol.message.FrontendMessage.GssEncRequest;
import io.walrelay.protocol.message.FrontendMessage.Query;
import io.walrelay.protocol.message.FrontendMessage.SslRequest;
import io.walrelay.protocol.message.FrontendMessage.StartupMessage;
import io.walrelay.protocol.message.FrontendMessage.Sync;
import io.walrelay.protocol.message.FrontendMessage.Terminate;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.Secret;
import io.walrelay.protocol.message.SecretKey;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FrontendEncoderTest {

    static Stream<Arguments> messagesAndTheirBytes() {
        return Stream.of(
                Arguments.of(new SslRequest(), "00000008 04D2162F"),
                Arguments.of(new GssEncRequest(), "00000008 04D21630"),
                Arguments.of(
                        new CancelRequest(1, new SecretKey(Secret.of(new byte[] {9, 8}))), "0000000E 04D2162E 00000001 0908"),
                Arguments.of(
                        new StartupMessage(ProtocolVersion.V3_0, Map.of("user", "é")), "00000011 00030000 'user' 00 C3A9 00 00"),
                Arguments.of(new AuthenticationResponse(Secret.utf8("x")), "'p' 00000005 'x'"),
                Arguments.of(new Query("IDENTIFY_SYSTEM"), "'Q' 00000014 'IDENTIFY_SYSTEM' 00"),
                Arguments.of(new Terminate(), "'X' 00000004"),
                Arguments.of(new CopyDone(), "'c' 00000004"),
                Arguments.of(new CopyFail("no"), "'f' 00000007 'no' 00"),
                Arguments.of(new Sync(), "'S' 00000004"),
                Arguments.of(new Flush(), "'H' 00000004"));
    }

    @ParameterizedTest
    @MethodSource("messagesAndTheirBytes")
    void writesEachMessage(FrontendMessage message, String bytes) {
        ByteBuf out = Unpooled.buffer();
        FrontendEncoder.encode(message, out);
        assertEquals(Bytes.hex(bytes), Bytes.hex(out));
    }

    @Test
    void releasesWhatAMessageOwnsAlsoWhenItCannotWriteIt() {
        ByteBuf data = Bytes.of("0102");
        ByteBuf body = Bytes.of("03");
        ByteBuf out = Unpooled.buffer(16, 16);
        FrontendEncoder.encode(new CopyData(data), out);
        FrontendEncoder.encode(new Extended((byte) 'P', body), out);
        ByteBuf tooMuch = Bytes.of("040506");
        assertThrows(IndexOutOfBoundsException.class, () -> FrontendEncoder.encode(new CopyData(tooMuch), out));
        assertEquals(Bytes.hex("'d' 00000006 0102 'P' 00000005 03"), Bytes.hex(out));
        assertEquals(0, data.refCnt());
        assertEquals(0, body.refCnt());
        assertEquals(0, tooMuch.refCnt());
    }

    @Test
    void refusesToWriteTextThatWouldEndEarly() {
        ByteBuf out = Unpooled.buffer();
        assertThrows(IllegalArgumentException.class, () -> FrontendEncoder.encode(new Query("SELECT 1\0; x"), out));
        assertThrows(
                IllegalArgumentException.class,
                () -> FrontendEncoder.encode(new StartupMessage(ProtocolVersion.V3_0, Map.of("", "x")), out));
        assertEquals("", Bytes.hex(out));
    }
}
