package io.walrelay.protocol.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.CopyDone;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.message.TransactionStatus;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FrameTrackerTest {

    /** Ends at 6, 20 and 25. */
    private static ByteBuf messages() {
        ByteBuf out = Unpooled.buffer();
        BackendEncoder.encode(new ReadyForQuery(TransactionStatus.IDLE), out);
        BackendEncoder.encode(new CommandComplete("SELECT 1"), out);
        BackendEncoder.encode(new CopyDone(), out);
        return out;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 6, 7, 13, 25})
    void findsEachEndInPiecesOfAnySize(int piece) {
        ByteBuf all = messages();
        FrameTracker tracker = new FrameTracker();
        List<String> found = new ArrayList<>();
        for (int from = 0; from < all.writerIndex(); from += piece) {
            ByteBuf part = all.slice(from, Math.min(piece, all.writerIndex() - from));
            for (int end = tracker.next(part, 0); end >= 0; end = tracker.next(part, end)) {
                found.add("%c %d".formatted(tracker.type(), from + end));
                assertTrue(tracker.isBetweenMessages());
            }
        }
        assertEquals(List.of("Z 6", "C 20", "c 25"), found);
    }

    @Test
    void knowsThatAMessageHasBegun() {
        FrameTracker tracker = new FrameTracker();
        assertTrue(tracker.isBetweenMessages());
        assertEquals(-1, tracker.next(Unpooled.wrappedBuffer(new byte[] {'d', 0}), 0));
        assertFalse(tracker.isBetweenMessages());
        assertEquals(-1, tracker.next(Unpooled.wrappedBuffer(new byte[] {0, 0, 6, 1}), 0));
        assertFalse(tracker.isBetweenMessages());
        assertEquals(1, tracker.next(Unpooled.wrappedBuffer(new byte[] {1, 'E'}), 0));
        assertTrue(tracker.isBetweenMessages());
        assertEquals('d', tracker.type());
    }

    @Test
    void aLengthThatIsNoneIsAViolation() {
        ProtocolViolation violation =
                assertThrows(ProtocolViolation.class, () -> new FrameTracker().next(Unpooled.wrappedBuffer(new byte[] {'Z', 0, 0, 0, 3}), 0));
        assertEquals("lost synchronization: got message type 'Z', length 3", violation.diagnostic().message());
    }
}
