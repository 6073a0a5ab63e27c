package io.walrelay.protocol.codec;

import io.netty.buffer.ByteBuf;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.message.Secret;
import java.nio.charset.StandardCharsets;

/**
 * Reads the fields of one message body in order and never past its end, with the words of PostgreSQL's pqformat.c when
 * they do not fit. Text is UTF-8; bytes that are not become U+FFFD, since what they say is for people.
 */
final class Fields {

    private final ByteBuf body;

    Fields(ByteBuf body) {
        this.body = body;
    }

    int remaining() {
        return body.readableBytes();
    }

    byte int8() {
        need(1);
        return body.readByte();
    }

    short int16() {
        need(2);
        return body.readShort();
    }

    int int32() {
        need(4);
        return body.readInt();
    }

    /** A count that is followed by at least {@code bytesEach} bytes for each, so that a false one can't buy memory. */
    int count(int count, int bytesEach) {
        if (count < 0 || count > body.readableBytes() / bytesEach) {
            throw new ProtocolViolation(
                    "insufficient data left in message",
                    "The message announces %d fields; expected 0 to %d in the %d bytes that are left."
                            .formatted(count, body.readableBytes() / bytesEach, body.readableBytes()));
        }
        return count;
    }

    /** Text up to a zero byte, which is consumed. */
    String string() {
        int length = body.bytesBefore((byte) 0);
        if (length < 0) {
            throw new ProtocolViolation(
                    "invalid string in message",
                    "No zero byte in the %d bytes that are left of the message.".formatted(body.readableBytes()));
        }
        String text = body.readString(length, StandardCharsets.UTF_8);
        body.skipBytes(1);
        return text;
    }

    /** {@code length} bytes as text, without a zero byte at their end. */
    String text(int length) {
        need(length);
        return body.readString(length, StandardCharsets.UTF_8);
    }

    byte[] bytes(int length) {
        need(length);
        byte[] bytes = new byte[length];
        body.readBytes(bytes);
        return bytes;
    }

    /** {@code length} bytes. */
    Secret secret(int length) {
        return Secret.of(bytes(length));
    }

    /** All that is left. */
    Secret rest() {
        return secret(body.readableBytes());
    }

    void skip(int length) {
        need(length);
        body.skipBytes(length);
    }

    void end() {
        if (body.isReadable()) {
            throw new ProtocolViolation(
                    "invalid message format",
                    "%d bytes are left after the last field; expected none.".formatted(body.readableBytes()));
        }
    }

    private void need(int bytes) {
        if (bytes < 0 || bytes > body.readableBytes()) {
            throw new ProtocolViolation(
                    "insufficient data left in message",
                    "A field of %d bytes; expected 0 to %d, which is what is left.".formatted(bytes, body.readableBytes()));
        }
    }
}
