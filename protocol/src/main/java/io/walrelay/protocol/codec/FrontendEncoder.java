package io.walrelay.protocol.codec;

import io.netty.buffer.ByteBuf;
import io.netty.util.ReferenceCountUtil;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.FrontendMessage.*;
import java.util.Map;

/**
 * Writes what a client sends.
 *
 * <p>Ownership: {@link #encode} consumes the message, so a reference that the message owns is released, also when it
 * throws. The target stays the caller's; what was written of a message that could not be written is taken back.
 */
public final class FrontendEncoder {

    private FrontendEncoder() {}

    /**
     * Appends {@code message} to {@code out}.
     *
     * @throws IllegalArgumentException when it has text with a zero character
     */
    public static void encode(FrontendMessage message, ByteBuf out) {
        int start = out.writerIndex();
        boolean whole = false;
        try {
            write(message, out);
            whole = true;
        } finally {
            if (!whole) {
                out.writerIndex(start);
            }
        }
    }

    private static void write(FrontendMessage message, ByteBuf out) {
        switch (message) {
            case SslRequest() -> FrameWriter.beginOpening(out).int32(OpeningCode.SSL_REQUEST).end();
            case GssEncRequest() -> FrameWriter.beginOpening(out).int32(OpeningCode.GSSENC_REQUEST).end();
            case CancelRequest(var processId, var key) ->
                FrameWriter.beginOpening(out)
                        .int32(OpeningCode.CANCEL_REQUEST)
                        .int32(processId)
                        .secret(key.value())
                        .end();
            case StartupMessage startup -> startup(startup, out);
            case AuthenticationResponse(var body) ->
                FrameWriter.begin(out, 'p').secret(body).end();
            case Query(var sql) -> FrameWriter.begin(out, 'Q').string(sql).end();
            case Terminate() -> FrameWriter.begin(out, 'X').end();
            case CopyData(var data) -> bytes('d', data, out);
            case CopyDone() -> FrameWriter.begin(out, 'c').end();
            case CopyFail(var reason) -> FrameWriter.begin(out, 'f').string(reason).end();
            case Sync() -> FrameWriter.begin(out, 'S').end();
            case Flush() -> FrameWriter.begin(out, 'H').end();
            case Extended(var type, var body) -> bytes((char) type, body, out);
        }
    }

    private static void startup(StartupMessage message, ByteBuf out) {
        FrameWriter frame = FrameWriter.beginOpening(out).int32(message.version().code());
        for (Map.Entry<String, String> parameter : message.parameters().entrySet()) {
            if (parameter.getKey().isEmpty()) {
                throw new IllegalArgumentException("a startup parameter without a name; it would end the message");
            }
            frame.string(parameter.getKey()).string(parameter.getValue());
        }
        frame.int8(0).end();
    }

    private static void bytes(char type, ByteBuf source, ByteBuf out) {
        try {
            FrameWriter.begin(out, type).bytes(source).end();
        } finally {
            ReferenceCountUtil.release(source);
        }
    }
}
