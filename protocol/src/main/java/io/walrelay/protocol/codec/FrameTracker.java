package io.walrelay.protocol.codec;

import io.netty.buffer.ByteBuf;
import io.walrelay.protocol.message.ProtocolViolation;

/**
 * Follows the messages of a session through bytes that nobody reads: where each ends, and of which type it is. Holds no bytes. Confined to
 * one thread.
 */
public final class FrameTracker {

    private byte type;
    /** How many bytes of the header have come; 0 between two messages. */
    private int header;
    private int length;
    private int missing;

    /**
     * Follows {@code in} from index {@code from} to the end of the message that lies there, or that began before it.
     *
     * @return the index behind that message, or -1 when all of {@code in} belongs to it and more is to come, or nothing is left
     * @throws ProtocolViolation when a length is impossible
     */
    public int next(ByteBuf in, int from) {
        int at = from;
        int end = in.writerIndex();
        while (at < end) {
            if (header < Frames.HEADER) {
                readHeader(in.getByte(at++));
            }
            if (header == Frames.HEADER) {
                int step = Math.min(missing, end - at);
                missing -= step;
                at += step;
                if (missing == 0) {
                    header = 0;
                    return at;
                }
            }
        }
        return -1;
    }

    private void readHeader(byte next) {
        if (header == 0) {
            type = next;
            length = 0;
        } else {
            length = (length << Byte.SIZE) | Byte.toUnsignedInt(next);
        }
        header++;
        if (header == Frames.HEADER) {
            if (length < Frames.LENGTH_WORD) {
                throw new ProtocolViolation("lost synchronization: got message type %s, length %d".formatted(Frames.nameOf(type), length));
            }
            missing = length - Frames.LENGTH_WORD;
        }
    }

    /** Whether all that came are whole messages. */
    public boolean isBetweenMessages() {
        return header == 0;
    }

    /** The type of the message that {@link #next} was in last; 0 before the first. */
    public byte type() {
        return type;
    }
}
