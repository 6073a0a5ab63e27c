package io.walrelay.protocol.replication;

import io.netty.buffer.ByteBuf;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.replication.FromServer.PrimaryKeepalive;
import io.walrelay.protocol.replication.FromServer.XLogData;
import io.walrelay.wal.Lsn;

/**
 * Reads and writes what a walsender puts into CopyData (PostgreSQL: walsender.c XLogSendPhysical and WalSndKeepalive,
 * walreceiver.c XLogWalRcvProcessMsg).
 *
 * <pre>
 *   | 'd' 1 | length 4 | 'w' 1 | start 8 | end 8 | sendTime 8 | WAL … |
 *   | 'd' 1 | length 4 | 'k' 1 | end 8 | sendTime 8 | replyRequested 1 |
 * </pre>
 */
public final class FromServerCodec {

    /** Bytes from the type byte of CopyData up to the first byte of WAL. */
    public static final int XLOG_DATA_HEADER = 30;

    /** Bytes of a keepalive with its CopyData. */
    public static final int KEEPALIVE = 23;

    private static final int LENGTH_WORD = 4;
    private static final int XLOG_DATA_BODY_HEADER = 25;
    private static final int KEEPALIVE_BODY = 18;

    private FromServerCodec() {}

    /**
     * Reads the content of one CopyData. Takes over the caller's reference to {@code body}: XLogData has it as its
     * {@code wal}; in every other case, an exception included, it is released.
     *
     * @throws ProtocolViolation when it is neither of the two bodies
     */
    public static FromServer decode(ByteBuf body) {
        boolean handedOn = false;
        try {
            FromServer message = read(body);
            handedOn = message instanceof XLogData;
            return message;
        } finally {
            if (!handedOn) {
                body.release();
            }
        }
    }

    private static FromServer read(ByteBuf body) {
        if (!body.isReadable()) {
            throw new ProtocolViolation("invalid replication message: an empty CopyData; expected 'w' or 'k'");
        }
        byte type = body.readByte();
        return switch (type) {
            case 'w' -> {
                if (body.readableBytes() + 1 < XLOG_DATA_BODY_HEADER) {
                    throw new ProtocolViolation(
                            "invalid WAL message received from primary",
                            "%d bytes; expected at least %d.".formatted(body.readableBytes() + 1, XLOG_DATA_BODY_HEADER));
                }
                yield new XLogData(new Lsn(body.readLong()), new Lsn(body.readLong()), body.readLong(), body);
            }
            case 'k' -> {
                if (body.readableBytes() + 1 != KEEPALIVE_BODY) {
                    throw new ProtocolViolation(
                            "invalid keepalive message received from primary",
                            "%d bytes; expected %d.".formatted(body.readableBytes() + 1, KEEPALIVE_BODY));
                }
                yield new PrimaryKeepalive(new Lsn(body.readLong()), body.readLong(), body.readByte() != 0);
            }
            default -> throw new ProtocolViolation("invalid replication message type %d".formatted(Byte.toUnsignedInt(type)));
        };
    }

    /**
     * Appends the {@value #XLOG_DATA_HEADER} bytes of a CopyData message that go before {@code walBytes} bytes of WAL,
     * which the caller sends after them from wherever they are.
     *
     * @param start position of the first byte of WAL that follows
     * @param end the sender's own end of WAL
     */
    public static void writeXLogDataHeader(ByteBuf out, Lsn start, Lsn end, long sendTime, int walBytes) {
        if (walBytes < 0 || walBytes > Integer.MAX_VALUE - XLOG_DATA_HEADER) {
            throw new IllegalArgumentException("%d bytes of WAL in one message; expected 0 to %d"
                    .formatted(walBytes, Integer.MAX_VALUE - XLOG_DATA_HEADER));
        }
        out.ensureWritable(XLOG_DATA_HEADER)
                .writeByte('d')
                .writeInt(LENGTH_WORD + XLOG_DATA_BODY_HEADER + walBytes)
                .writeByte('w')
                .writeLong(start.value())
                .writeLong(end.value())
                .writeLong(sendTime);
    }

    /** Appends a keepalive with its CopyData, {@value #KEEPALIVE} bytes. */
    public static void writeKeepalive(ByteBuf out, Lsn end, long sendTime, boolean replyRequested) {
        out.ensureWritable(KEEPALIVE)
                .writeByte('d')
                .writeInt(LENGTH_WORD + KEEPALIVE_BODY)
                .writeByte('k')
                .writeLong(end.value())
                .writeLong(sendTime)
                .writeByte(replyRequested ? 1 : 0);
    }
}
