package io.walrelay.protocol.replication;

import io.netty.buffer.ByteBuf;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.replication.FromStandby.HotStandbyFeedback;
import io.walrelay.protocol.replication.FromStandby.StandbyStatusUpdate;
import io.walrelay.wal.Lsn;

/**
 * Reads and writes what a walreceiver puts into CopyData (PostgreSQL: walsender.c ProcessStandbyMessage, walreceiver.c
 * XLogWalRcvSendReply and XLogWalRcvSendHSFeedback).
 *
 * <pre>
 *   | 'd' 1 | length 4 | 'r' 1 | written 8 | flushed 8 | applied 8 | sendTime 8 | replyRequested 1 |
 *   | 'd' 1 | length 4 | 'h' 1 | sendTime 8 | xmin 4 | its epoch 4 | catalog_xmin 4 | its epoch 4 |
 * </pre>
 */
public final class FromStandbyCodec {

    private static final int LENGTH_WORD = 4;
    private static final int STATUS_UPDATE_BODY = 34;
    private static final int FEEDBACK_BODY = 25;

    private FromStandbyCodec() {}

    /**
     * Reads the content of one CopyData. Takes over the caller's reference to {@code body} and releases it, also when it
     * throws.
     *
     * @throws ProtocolViolation when it is neither of the two bodies
     */
    public static FromStandby decode(ByteBuf body) {
        try {
            return read(body);
        } finally {
            body.release();
        }
    }

    private static FromStandby read(ByteBuf body) {
        if (!body.isReadable()) {
            throw new ProtocolViolation("insufficient data left in message", "An empty CopyData; expected 'r' or 'h'.");
        }
        byte type = body.readByte();
        return switch (type) {
            case 'r' -> {
                checkLength(body, type, STATUS_UPDATE_BODY);
                yield new StandbyStatusUpdate(
                        new Lsn(body.readLong()),
                        new Lsn(body.readLong()),
                        new Lsn(body.readLong()),
                        body.readLong(),
                        body.readByte() != 0);
            }
            case 'h' -> {
                checkLength(body, type, FEEDBACK_BODY);
                yield new HotStandbyFeedback(body.readLong(), body.readInt(), body.readInt(), body.readInt(), body.readInt());
            }
            default -> throw new ProtocolViolation("unexpected message type \"%s\"".formatted(printable(type)));
        };
    }

    private static void checkLength(ByteBuf body, byte type, int expected) {
        int actual = body.readableBytes() + 1;
        if (actual != expected) {
            throw new ProtocolViolation(
                    actual < expected ? "insufficient data left in message" : "invalid message format",
                    "A standby message '%c' of %d bytes; expected %d.".formatted(type, actual, expected));
        }
    }

    private static String printable(byte type) {
        return type > ' ' && type < 0x7F ? "%c".formatted(type) : "\\%03o".formatted(Byte.toUnsignedInt(type));
    }

    /** Appends {@code message} to {@code out} as one CopyData message. */
    public static void encode(FromStandby message, ByteBuf out) {
        switch (message) {
            case StandbyStatusUpdate(var written, var flushed, var applied, var sendTime, var replyRequested) ->
                out.ensureWritable(1 + LENGTH_WORD + STATUS_UPDATE_BODY)
                        .writeByte('d')
                        .writeInt(LENGTH_WORD + STATUS_UPDATE_BODY)
                        .writeByte('r')
                        .writeLong(written.value())
                        .writeLong(flushed.value())
                        .writeLong(applied.value())
                        .writeLong(sendTime)
                        .writeByte(replyRequested ? 1 : 0);
            case HotStandbyFeedback(var sendTime, var xmin, var xminEpoch, var catalogXmin, var catalogXminEpoch) ->
                out.ensureWritable(1 + LENGTH_WORD + FEEDBACK_BODY)
                        .writeByte('d')
                        .writeInt(LENGTH_WORD + FEEDBACK_BODY)
                        .writeByte('h')
                        .writeLong(sendTime)
                        .writeInt(xmin)
                        .writeInt(xminEpoch)
                        .writeInt(catalogXmin)
                        .writeInt(catalogXminEpoch);
        }
    }
}
