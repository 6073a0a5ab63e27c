package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.codec.FrameTracker;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.proxy.slotsync.SlotQuestion;
import java.util.Optional;
import java.util.function.Function;

/**
 * Finds, among what a client sends upstream, the question of a standby's slot synchronisation for its slot, and puts in its place what upstream is to be
 * asked instead. Every other byte passes as it is and at once, but for the beginning of a query that is as long as the question: that waits for its end.
 * Confined to the event loop.
 */
final class SlotSyncWatch {

    private static final byte QUERY = 'Q';
    private static final int TYPE = Byte.BYTES;
    private static final int HEADER = TYPE + Integer.BYTES;
    private static final int ZERO = Byte.BYTES;
    private static final byte[] NOTHING = {};

    private final Function<SlotQuestion, String> instead;
    private final FrameTracker passing = new FrameTracker();
    /** What came of a message that may be the question. */
    private byte[] held = NOTHING;
    private boolean lost;

    /** @param instead what upstream is asked instead of a question */
    SlotSyncWatch(Function<SlotQuestion, String> instead) {
        this.instead = instead;
    }

    /**
     * Takes over what came.
     *
     * @return what is to be sent on, perhaps nothing; the caller's to release
     */
    ByteBuf pass(ByteBuf came) {
        ByteBuf bytes = held.length == 0 ? came : joined(came);
        int at = bytes.readerIndex();
        while (!lost && at < bytes.writerIndex()) {
            int left = bytes.writerIndex() - at;
            if (!passing.isBetweenMessages() || !mayBeQuestion(bytes, at)) {
                at = passed(bytes, at);
            } else if (left < HEADER || left < lengthOf(bytes, at)) {
                held = ByteBufUtil.getBytes(bytes, at, left, true);
                return bytes.writerIndex(at);
            } else {
                Optional<SlotQuestion> question = read(bytes, at);
                if (question.isEmpty()) {
                    at = passed(bytes, at);
                } else {
                    int rest = left - lengthOf(bytes, at);
                    bytes = answered(bytes, at, question.get());
                    at = bytes.writerIndex() - rest;
                }
            }
        }
        return bytes;
    }

    private ByteBuf joined(ByteBuf came) {
        ByteBuf all = came.alloc().buffer(held.length + came.readableBytes());
        all.writeBytes(held).writeBytes(came);
        came.release();
        held = NOTHING;
        return all;
    }

    /** Nothing more comes: what is held is to be sent on as it is. */
    ByteBuf end() {
        ByteBuf rest = Unpooled.wrappedBuffer(held);
        held = NOTHING;
        return rest;
    }

    /** Behind the message at {@code at}, or what there is of it. */
    private int passed(ByteBuf bytes, int at) {
        try {
            int next = passing.next(bytes, at);
            return next < 0 ? bytes.writerIndex() : next;
        } catch (ProtocolViolation violation) {
            // Upstream sees the same, and says what it thinks of it.
            lost = true;
            return bytes.writerIndex();
        }
    }

    /** As far as its header has come. */
    private static boolean mayBeQuestion(ByteBuf bytes, int at) {
        if (bytes.getByte(at) != QUERY) {
            return false;
        }
        if (bytes.writerIndex() - at < HEADER) {
            return true;
        }
        int text = lengthOf(bytes, at) - HEADER - ZERO;
        return text >= SlotQuestion.SHORTEST && text <= SlotQuestion.LONGEST;
    }

    /** With its header. Any number, if it is no message. */
    private static int lengthOf(ByteBuf bytes, int at) {
        return TYPE + bytes.getInt(at + TYPE);
    }

    private static Optional<SlotQuestion> read(ByteBuf bytes, int at) {
        int length = lengthOf(bytes, at);
        boolean ended = bytes.getByte(at + length - ZERO) == 0;
        return ended ? SlotQuestion.of(ByteBufUtil.getBytes(bytes, at + HEADER, length - HEADER - ZERO, true)) : Optional.empty();
    }

    private ByteBuf answered(ByteBuf bytes, int at, SlotQuestion question) {
        int after = at + lengthOf(bytes, at);
        ByteBuf out = bytes.alloc().buffer(bytes.readableBytes());
        out.writeBytes(bytes, bytes.readerIndex(), at - bytes.readerIndex());
        FrontendEncoder.encode(new FrontendMessage.Query(instead.apply(question)), out);
        out.writeBytes(bytes, after, bytes.writerIndex() - after);
        bytes.release();
        return out;
    }
}
