package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.protocol.codec.BackendDecoder;
import io.walrelay.protocol.codec.BackendLimits;
import io.walrelay.protocol.codec.FrontendEncoder;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.replication.FromServer;
import io.walrelay.protocol.replication.FromServerCodec;
import io.walrelay.protocol.replication.FromStandby;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.wal.Lsn;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A client for physical replication over one blocking socket. What it waits for has to come within ten seconds. */
final class FakeStandby implements AutoCloseable {

    private static final int PATIENCE_MILLIS = 10_000;

    private final Socket socket;
    private final InputStream in;
    private final BackendDecoder decoder = new BackendDecoder(BackendLimits.DEFAULT);
    private final ByteBuf received = Unpooled.buffer();
    private final ByteArrayOutputStream wal = new ByteArrayOutputStream();

    FakeStandby(Socket socket) throws IOException {
        this.socket = socket;
        socket.setSoTimeout(PATIENCE_MILLIS);
        socket.setTcpNoDelay(true);
        this.in = socket.getInputStream();
    }

    static FakeStandby connect(InetSocketAddress address) throws IOException {
        return new FakeStandby(new Socket(address.getAddress(), address.getPort()));
    }

    /** Connects with a small receive buffer, so that what is not read stops the sender soon. */
    static FakeStandby connectNarrow(InetSocketAddress address) throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(8192);
        socket.connect(address);
        return new FakeStandby(socket);
    }

    /** Logs in for physical replication and returns everything up to ReadyForQuery. */
    static FakeStandby login(InetSocketAddress address, String applicationName) throws IOException {
        FakeStandby standby = connect(address);
        standby.startup(Map.of("user", "repl", "replication", "true", "application_name", applicationName));
        standby.until(BackendMessage.ReadyForQuery.class);
        return standby;
    }

    void startup(Map<String, String> parameters) throws IOException {
        send(new FrontendMessage.StartupMessage(ProtocolVersion.V3_0, new LinkedHashMap<>(parameters)));
    }

    void send(FrontendMessage message) throws IOException {
        ByteBuf out = Unpooled.buffer();
        FrontendEncoder.encode(message, out);
        raw(bytes(out));
    }

    void raw(byte... bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        socket.getOutputStream().flush();
    }

    void query(String text) throws IOException {
        send(new FrontendMessage.Query(text));
    }

    /** Sends a command and returns what comes up to ReadyForQuery. */
    List<BackendMessage> ask(String command) throws IOException {
        query(command);
        return until(BackendMessage.ReadyForQuery.class);
    }

    /** The error that a command is answered with; the session is ready again afterwards. */
    Diagnostic refusal(String command) throws IOException {
        List<BackendMessage> answer = ask(command);
        return answer.stream()
                .filter(BackendMessage.ErrorResponse.class::isInstance)
                .map(m -> ((BackendMessage.ErrorResponse) m).diagnostic())
                .findFirst()
                .orElseThrow(() -> new AssertionError("no error but " + answer));
    }

    /** Sends START_REPLICATION and waits for CopyBothResponse. */
    void start(String rest) throws IOException {
        query("START_REPLICATION " + rest);
        expect(BackendMessage.CopyBothResponse.class);
    }

    void reply(Lsn written, Lsn flushed, Lsn applied, boolean replyRequested) throws IOException {
        ByteBuf out = Unpooled.buffer();
        FromStandbyCodec.encode(new FromStandby.StandbyStatusUpdate(written, flushed, applied, 0, replyRequested), out);
        raw(bytes(out));
    }

    /** Reads XLogData until WAL reaches {@code end} and returns all WAL bytes of this stream so far. Keepalives are dropped. */
    byte[] receiveUntil(Lsn start, Lsn end) throws IOException {
        Lsn at = start.plus(wal.size());
        while (at.isBefore(end)) {
            if (streamed() instanceof FromServer.XLogData data) {
                if (!data.start().equals(at)) {
                    throw new AssertionError("WAL from %s; expected %s".formatted(data.start(), at));
                }
                byte[] bytes = bytes(data.wal());
                wal.writeBytes(bytes);
                at = at.plus(bytes.length);
            }
        }
        return wal.toByteArray();
    }

    void forgetWal() {
        wal.reset();
    }

    /** The next thing inside COPY. */
    FromServer streamed() throws IOException {
        return FromServerCodec.decode(expect(BackendMessage.CopyData.class).data());
    }

    FromServer.PrimaryKeepalive keepalive() throws IOException {
        while (true) {
            switch (streamed()) {
                case FromServer.PrimaryKeepalive keepalive -> {
                    return keepalive;
                }
                case FromServer.XLogData data -> data.wal().release();
            }
        }
    }

    /** The next message, which must be of {@code type}. */
    <M extends BackendMessage> M expect(Class<M> type) throws IOException {
        BackendMessage message = next();
        if (!type.isInstance(message)) {
            throw new AssertionError("%s; expected %s".formatted(message, type.getSimpleName()));
        }
        return type.cast(message);
    }

    /** The next message of {@code type}; keepalives before it are dropped. */
    <M extends BackendMessage> M expectAfterKeepalives(Class<M> type) throws IOException {
        while (true) {
            BackendMessage message = next();
            if (type.isInstance(message)) {
                return type.cast(message);
            }
            if (!(message instanceof BackendMessage.CopyData data)
                    || !(FromServerCodec.decode(data.data()) instanceof FromServer.PrimaryKeepalive)) {
                throw new AssertionError("%s; expected %s".formatted(message, type.getSimpleName()));
            }
        }
    }

    List<BackendMessage> until(Class<? extends BackendMessage> last) throws IOException {
        List<BackendMessage> messages = new ArrayList<>();
        do {
            messages.add(next());
        } while (!last.isInstance(messages.getLast()));
        return messages;
    }

    BackendMessage next() throws IOException {
        while (true) {
            BackendMessage message = decoder.decode(received);
            if (message != null) {
                return message;
            }
            readSome();
        }
    }

    /** One byte that is no message: the answer to SSLRequest. */
    byte rawByte() throws IOException {
        while (!received.isReadable()) {
            readSome();
        }
        return received.readByte();
    }

    /** Whether the server closes the connection without another message. */
    boolean isClosedByServer() throws IOException {
        if (received.isReadable()) {
            return false;
        }
        try {
            readSome();
            return false;
        } catch (EOFException e) {
            return true;
        }
    }

    Socket socket() {
        return socket;
    }

    private void readSome() throws IOException {
        byte[] some = new byte[64 << 10];
        int n = in.read(some);
        if (n < 0) {
            throw new EOFException("the server closed the connection");
        }
        received.discardSomeReadBytes().writeBytes(some, 0, n);
    }

    private static byte[] bytes(ByteBuf from) {
        try {
            byte[] bytes = new byte[from.readableBytes()];
            from.readBytes(bytes);
            return bytes;
        } finally {
            from.release();
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
