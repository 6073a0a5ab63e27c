package io.walrelay.protocol.codec;

import io.netty.buffer.ByteBuf;
import io.walrelay.protocol.message.ProtocolViolation;
import org.jspecify.annotations.Nullable;

/** A server's answer to SSLRequest or GSSENCRequest: one byte, not a message (libpq: fe-connect.c). */
public enum EncryptionAnswer {
    ACCEPTED,
    DECLINED;

    /**
     * Takes the answer to an SSLRequest from {@code in}, or nothing and gives null when nothing came yet.
     *
     * @throws ProtocolViolation for any other byte, and when bytes follow the consent: whatever comes before the TLS
     *     handshake may be from somebody in between (CVE-2021-23222)
     */
    public static @Nullable EncryptionAnswer decodeSsl(ByteBuf in) {
        if (!in.isReadable()) {
            return null;
        }
        byte answer = Frames.type(in);
        EncryptionAnswer result =
                switch (answer) {
                    case 'S' -> ACCEPTED;
                    case 'N' -> DECLINED;
                    case 'E' -> throw new ProtocolViolation("server sent an error response during SSL exchange");
                    default -> throw new ProtocolViolation(
                            "received invalid response to SSL negotiation: %s".formatted(Frames.nameOf(answer)),
                            "Expected S or N.");
                };
        if (result == ACCEPTED && in.readableBytes() > 1) {
            throw new ProtocolViolation(
                    "received unencrypted data after SSL response",
                    "%d bytes; expected none before the TLS handshake.".formatted(in.readableBytes() - 1));
        }
        in.skipBytes(1);
        return result;
    }

    /** Writes the answer to an SSLRequest. */
    public void encodeSsl(ByteBuf out) {
        out.writeByte(this == ACCEPTED ? 'S' : 'N');
    }
}
