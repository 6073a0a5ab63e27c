package io.walrelay.proxy.bench;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.FrontendMessage.Query;
import io.walrelay.protocol.message.FrontendMessage.StartupMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.replication.FromStandby.StandbyStatusUpdate;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.wal.Lsn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * A physical replication connection on a bare socket, without TLS and without a password: what is read of it after the log-in,
 * and how, is the caller's choice. Confined to one thread but for {@link #interrupt}.
 */
final class RawSession implements AutoCloseable {

    private static final int HEADER = 5;
    private static final int LARGEST_ANSWER = 64 << 10;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(LARGEST_ANSWER);
    private final int socket;

    private RawSession(int socket) {
        this.socket = socket;
    }

    /** Connects and logs in, trusted by the server. */
    static RawSession open(int port, String applicationName) {
        RawSession session = new RawSession(Libc.connect(port));
        try {
            session.send(startup(applicationName));
            session.skipTo('Z');
            return session;
        } catch (RuntimeException e) {
            session.close();
            throw e;
        }
    }

    /** The message that opens a physical replication session of user postgres. */
    static StartupMessage startup(String applicationName) {
        return new StartupMessage(
                ProtocolVersion.V3_0,
                Map.of("user", "postgres", "replication", "true", "application_name", applicationName));
    }

    /** START_REPLICATION without a slot. */
    static Query startReplication(Lsn from) {
        return new Query("START_REPLICATION PHYSICAL " + from);
    }

    /** Tells the server that the reader is alive. It claims no position but where it began. */
    static byte[] aliveAt(Lsn begin) {
        ByteBuf out = Unpooled.buffer();
        FromStandbyCodec.encode(new StandbyStatusUpdate(begin, begin, Lsn.INVALID, 0, false), out);
        return bytes(out);
    }

    /** Starts streaming; what comes next on the socket is CopyData. */
    void start(Lsn from) {
        send(startReplication(from));
        skipTo('W');
    }

    void send(byte[] bytes) {
        Libc.send(socket, bytes);
    }

    int socket() {
        return socket;
    }

    /**
     * Reads one CopyData and drops its WAL.
     *
     * @return the position after its WAL, {@link Lsn#INVALID} for a keepalive, which is not answered
     * @throws EndOfStream when the connection is closed
     */
    Lsn nextEnd() {
        readFully(0, HEADER + 1);
        int length = length();
        if (buffer.get(ValueLayout.JAVA_BYTE, 0) != 'd') {
            throw unexpected(length);
        }
        if (buffer.get(ValueLayout.JAVA_BYTE, HEADER) != 'w') {
            readFully(HEADER + 1, length - HEADER);
            return Lsn.INVALID;
        }
        readFully(HEADER + 1, 24);
        Lsn start = new Lsn(buffer.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN), HEADER + 1));
        int wal = length - 4 - 25;
        for (long left = wal; left > 0; ) {
            long dropped = Libc.receive(socket, MemorySegment.NULL, left, Libc.MSG_TRUNC);
            if (dropped == 0) {
                throw new EndOfStream();
            }
            left -= dropped;
        }
        return start.plus(wal);
    }

    /** Wakes the thread that reads: it sees the end of the stream. From any thread. */
    void interrupt() {
        Libc.shutdown(socket);
    }

    @Override
    public void close() {
        Libc.close(socket);
        arena.close();
    }

    /** The server has closed the connection, or {@link #interrupt} did. */
    static final class EndOfStream extends RuntimeException {
        private static final long serialVersionUID = 1;

        EndOfStream() {
            super("the server closed the connection");
        }
    }

    private void send(FrontendMessage message) {
        ByteBuf out = Unpooled.buffer();
        FrontendEncoder.encode(message, out);
        send(bytes(out));
    }

    private void skipTo(char type) {
        while (true) {
            readFully(0, HEADER);
            byte seen = buffer.get(ValueLayout.JAVA_BYTE, 0);
            int length = length();
            if (seen == 'E') {
                throw unexpected(length);
            }
            readFully(HEADER, length - 4);
            if (seen == type) {
                return;
            }
        }
    }

    /** Takes an ErrorResponse, or whatever came instead of what was expected, for its text. */
    private IllegalStateException unexpected(int length) {
        int rest = Math.min(length - 4 - 1, LARGEST_ANSWER - HEADER - 1);
        readFully(HEADER, Math.max(rest, 0));
        byte[] text = buffer.asSlice(HEADER, Math.max(rest, 0)).toArray(ValueLayout.JAVA_BYTE);
        return new IllegalStateException("the server answered '%c': %s"
                .formatted(buffer.get(ValueLayout.JAVA_BYTE, 0), new String(text, StandardCharsets.UTF_8).replace('\0', ' ')));
    }

    private int length() {
        return buffer.get(ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN), 1);
    }

    private void readFully(int offset, int length) {
        if (length < 0 || length > LARGEST_ANSWER - offset) {
            throw new IllegalStateException("a message of %d bytes; expected at most %d".formatted(length, LARGEST_ANSWER));
        }
        if (length > 0 && Libc.receive(socket, buffer.asSlice(offset, length), length, Libc.MSG_WAITALL) != length) {
            throw new EndOfStream();
        }
    }

    private static byte[] bytes(ByteBuf buffer) {
        byte[] bytes = new byte[buffer.readableBytes()];
        buffer.readBytes(bytes).release();
        return bytes;
    }
}
