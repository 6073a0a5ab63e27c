package io.walrelay.protocol.codec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.netty.buffer.ByteBuf;
import io.walrelay.protocol.message.ExtendedQuery;
import io.walrelay.protocol.message.ExtendedQuery.Bind;
import io.walrelay.protocol.message.ExtendedQuery.Close;
import io.walrelay.protocol.message.ExtendedQuery.Describe;
import io.walrelay.protocol.message.ExtendedQuery.Execute;
import io.walrelay.protocol.message.ExtendedQuery.FunctionCall;
import io.walrelay.protocol.message.ExtendedQuery.Parse;
import io.walrelay.protocol.message.ExtendedQuery.Target;
import io.walrelay.protocol.message.FrontendMessage.Extended;
import io.walrelay.protocol.message.ProtocolViolation;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ExtendedQueryCodecTest {

    private static ExtendedQuery decode(String spelled) {
        ByteBuf in = Bytes.of(spelled);
        FrontendDecoder decoder = new FrontendDecoder(FrontendLimits.DEFAULT);
        decoder.expect(FrontendDecoder.Phase.SESSION);
        Extended message = assertInstanceOf(Extended.class, decoder.decode(in));
        try {
            return ExtendedQueryCodec.decode(message);
        } finally {
            message.body().release();
            in.release();
        }
    }

    static Stream<Arguments> messagesAndTheirBytes() {
        return Stream.of(
                Arguments.of(new Parse("s", "SELECT $1", List.of(23, 0)), "'P' 0000001A 's' 00 'SELECT $1' 00 0002 00000017 00000000"),
                Arguments.of(new Describe(Target.STATEMENT, "s"), "'D' 00000007 'S' 's' 00"),
                Arguments.of(new Describe(Target.PORTAL, ""), "'D' 00000006 'P' 00"),
                Arguments.of(new Execute("p", 10), "'E' 0000000A 'p' 00 0000000A"),
                Arguments.of(new Close(Target.PORTAL, "p"), "'C' 00000007 'P' 'p' 00"),
                Arguments.of(new FunctionCall(), "'F' 0000000E 00000000 0000 0000 0000"));
    }

    @ParameterizedTest
    @MethodSource("messagesAndTheirBytes")
    void readsAndWritesEachMessage(ExtendedQuery message, String spelled) {
        assertEquals(message, decode(spelled));
        ByteBuf out = Bytes.of("");
        ExtendedQueryCodec.encode(message, out);
        assertEquals(Bytes.hex(spelled), Bytes.hex(out));
    }

    @Test
    void readsAndWritesBind() {
        String spelled = "'B' 0000001D 'p' 00 's' 00 0001 0001 0002 00000001 2A FFFFFFFF 0002 0000 0001";
        Bind bind = assertInstanceOf(Bind.class, decode(spelled));
        assertEquals(List.of("p", "s"), List.of(bind.portal(), bind.statement()));
        assertEquals(List.of((short) 1), bind.formats());
        assertArrayEquals(new byte[] {42}, bind.values().get(0));
        assertNull(bind.values().get(1));
        assertEquals(List.of((short) 0, (short) 1), bind.resultFormats());
        ByteBuf out = Bytes.of("");
        ExtendedQueryCodec.encode(new Bind("p", "s", List.of((short) 1), Arrays.asList(new byte[] {42}, null), List.of((short) 0, (short) 1)), out);
        assertEquals(Bytes.hex(spelled), Bytes.hex(out));
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '"', value = {
        "'P' 00000006 's' 00, invalid string in message",
        "'P' 0000000A 00 'x' 00 FFFF 00, insufficient data left in message",
        "'B' 0000000A 00 00 0000 FFFF, insufficient data left in message",
        "'B' 0000000E 00 00 0000 0001 7FFFFFFF, insufficient data left in message",
        "'B' 00000010 00 00 0000 0001 FFFFFFFE 0000, insufficient data left in message",
        "'D' 00000006 'X' 00, invalid message format",
        "'E' 00000005 00, insufficient data left in message",
        "'C' 00000008 'S' 's' 00 00, invalid message format"
    })
    void refusesWhatIsNotWhatItsTypePromises(String spelled, String message) {
        ProtocolViolation violation = assertThrows(ProtocolViolation.class, () -> decode(spelled));
        assertEquals(message, violation.diagnostic().message());
        assertEquals("08P01", violation.diagnostic().sqlState());
    }
}
