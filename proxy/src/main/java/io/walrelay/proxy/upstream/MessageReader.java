package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.walrelay.protocol.codec.BackendDecoder;
import io.walrelay.protocol.codec.BackendLimits;
import io.walrelay.protocol.message.BackendMessage;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Cuts what arrives into messages. Of a message that did not come whole, only its own bytes are copied; all that came whole
 * stays in the buffer that the socket was read into. Confined to its channel's event loop.
 */
final class MessageReader {

    private static final int TYPE = 1;
    private static final int HEADER = 5;

    private final BackendDecoder decoder = new BackendDecoder(BackendLimits.DEFAULT);
    private final ByteBufAllocator allocator;
    private final Consumer<BackendMessage> receiver;
    /** The beginning of a message whose rest has not come yet. */
    private @Nullable ByteBuf begun;

    MessageReader(ByteBufAllocator allocator, Consumer<BackendMessage> receiver) {
        this.allocator = allocator;
        this.receiver = receiver;
    }

    /** Takes over {@code in}. A {@link io.walrelay.protocol.message.ProtocolViolation} ends the connection. */
    void read(ByteBuf in) {
        try {
            while (begun != null && in.isReadable()) {
                complete(begun, in);
            }
            BackendMessage message = begun == null ? decoder.decode(in) : null;
            while (message != null) {
                receiver.accept(message);
                message = decoder.decode(in);
            }
            if (in.isReadable()) {
                begun = allocator.buffer(missing(in) + in.readableBytes()).writeBytes(in);
            }
        } finally {
            in.release();
        }
    }

    private void complete(ByteBuf message, ByteBuf in) {
        message.writeBytes(in, Math.min(missing(message), in.readableBytes()));
        BackendMessage whole = decoder.decode(message);
        if (whole != null) {
            begun = null;
            message.release();
            receiver.accept(whole);
        }
    }

    /** How many bytes the message in {@code buffer} lacks, or its header, as long as that is not whole. */
    private static int missing(ByteBuf buffer) {
        int have = buffer.readableBytes();
        return have < HEADER ? HEADER - have : TYPE + buffer.getInt(buffer.readerIndex() + TYPE) - have;
    }

    void close() {
        ByteBuf rest = begun;
        begun = null;
        if (rest != null) {
            rest.release();
        }
    }
}
