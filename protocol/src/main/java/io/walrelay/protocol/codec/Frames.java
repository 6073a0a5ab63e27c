package io.walrelay.protocol.codec;

import io.netty.buffer.ByteBuf;

/**
 * The frame around a message: a type byte, then a length that counts itself and the body but not the type byte.
 *
 * <pre>
 *   | type 1 | length 4 | body length - 4 |
 * </pre>
 */
final class Frames {

    /** Type byte and length word. */
    static final int HEADER = 5;

    /** The length word, which counts itself. */
    static final int LENGTH_WORD = 4;

    private Frames() {}

    /** Whether type and length of the next message are there to be looked at. */
    static boolean hasHeader(ByteBuf in) {
        return in.readableBytes() >= HEADER;
    }

    /** The type of the next message; nothing is consumed. */
    static byte type(ByteBuf in) {
        return in.getByte(in.readerIndex());
    }

    /** The length word of the next message; nothing is consumed. */
    static int length(ByteBuf in) {
        return in.getInt(in.readerIndex() + 1);
    }

    /** Whether the next message, whose length word is {@code length}, is there to its end. */
    static boolean isWhole(ByteBuf in, int length) {
        return in.readableBytes() - 1 >= length;
    }

    /** A view of the body of the next message; nothing is consumed and nothing retained. */
    static ByteBuf body(ByteBuf in, int length) {
        return in.slice(in.readerIndex() + HEADER, length - LENGTH_WORD);
    }

    /** Steps over the next message. */
    static void skip(ByteBuf in, int length) {
        in.skipBytes(1 + length);
    }

    /** Steps over the next message and gives its body as a slice of {@code in} that owns a reference. */
    static ByteBuf takeBody(ByteBuf in, int length) {
        in.skipBytes(HEADER);
        return in.readRetainedSlice(length - LENGTH_WORD);
    }

    /** Names a message type in an error: the letter where it is one, else its number. */
    static String nameOf(byte type) {
        return type > ' ' && type < 0x7F ? "'%c'".formatted(type) : "%d".formatted(Byte.toUnsignedInt(type));
    }
}
