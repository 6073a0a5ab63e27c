package io.walrelay.protocol.codec;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.walrelay.protocol.message.Secret;
import org.jspecify.annotations.Nullable;

/** Writes a message front to back and fills in its length at the end. */
final class FrameWriter {

    private final ByteBuf out;
    private final int lengthAt;

    private FrameWriter(ByteBuf out, int lengthAt) {
        this.out = out;
        this.lengthAt = lengthAt;
        out.writeInt(0);
    }

    /** Begins a message with a type byte. */
    static FrameWriter begin(ByteBuf out, char type) {
        out.writeByte(type);
        return new FrameWriter(out, out.writerIndex());
    }

    /** Begins one of the messages that open a connection, which have no type byte. */
    static FrameWriter beginOpening(ByteBuf out) {
        return new FrameWriter(out, out.writerIndex());
    }

    FrameWriter int8(int value) {
        out.writeByte(value);
        return this;
    }

    FrameWriter int16(int value) {
        if (value != (short) value) {
            throw new IllegalArgumentException("%d does not fit the 16 bits that the message has for it".formatted(value));
        }
        out.writeShort(value);
        return this;
    }

    FrameWriter int32(int value) {
        out.writeInt(value);
        return this;
    }

    /**
     * Text and a zero byte.
     *
     * @throws IllegalArgumentException when the text has a zero character, which would end it early and make the rest another field
     */
    FrameWriter string(String text) {
        int zero = text.indexOf('\0');
        if (zero >= 0) {
            throw new IllegalArgumentException("text with a zero character at index %d; a message can't carry it".formatted(zero));
        }
        ByteBufUtil.writeUtf8(out, text);
        out.writeByte(0);
        return this;
    }

    /** The length in bytes, then the text. */
    FrameWriter sizedText(String text) {
        out.writeInt(ByteBufUtil.utf8Bytes(text));
        ByteBufUtil.writeUtf8(out, text);
        return this;
    }

    /** The length in bytes, then the bytes; null is a length of -1. */
    FrameWriter sizedBytes(byte @Nullable [] value) {
        out.writeInt(value == null ? -1 : value.length);
        if (value != null) {
            out.writeBytes(value);
        }
        return this;
    }

    FrameWriter secret(Secret value) {
        out.writeBytes(value.bytes());
        return this;
    }

    FrameWriter bytes(ByteBuf source) {
        out.writeBytes(source, source.readerIndex(), source.readableBytes());
        return this;
    }

    void end() {
        out.setInt(lengthAt, out.writerIndex() - lengthAt);
    }
}
