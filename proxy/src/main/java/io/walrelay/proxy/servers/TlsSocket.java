package io.walrelay.proxy.servers;

import io.netty.util.ReferenceCountUtil;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;

/**
 * A {@link TlsClient}'s TLS on a socket that is connected, in the form that pgjdbc wants. One thread may read while another writes; any thread may
 * close.
 */
public final class TlsSocket extends ClientSslSocket {

    /** Several records, of 16 kB at most each, at once. */
    private static final int RECEIVE = 128 << 10;

    private final TlsClient client;
    private final SSLEngine engine;
    private final InputStream in = new Decrypted();
    private final OutputStream out = new Encrypting();

    /** Who reads, or writes. Each buffer below belongs to its holder. */
    private final ReentrantLock reading = new ReentrantLock();

    private final ReentrantLock writing = new ReentrantLock();

    private final byte[] fromBelow = new byte[RECEIVE];
    private final ByteBuffer received = ByteBuffer.allocateDirect(RECEIVE).flip();
    private ByteBuffer plain;
    private final AtomicBoolean released = new AtomicBoolean();
    private boolean ended;
    private ByteBuffer toSend;
    private byte[] toBelow;

    /** @param below connected to {@code host}; closed with this */
    public TlsSocket(TlsClient client, Socket below, String host, int port) {
        super(below);
        this.client = client;
        this.engine = client.engine(host, port);
        engine.setUseClientMode(true);
        SSLSession session = engine.getSession();
        this.plain = ByteBuffer.allocateDirect(session.getApplicationBufferSize()).flip();
        this.toSend = ByteBuffer.allocateDirect(session.getPacketBufferSize());
        this.toBelow = new byte[toSend.capacity()];
    }

    /** @throws SSLHandshakeException with what is wrong with the server's certificate, or with ours for the server */
    @Override
    public void startHandshake() throws IOException {
        reading.lock();
        try {
            engine.beginHandshake();
            while (engine.getHandshakeStatus() != SSLEngineResult.HandshakeStatus.NOT_HANDSHAKING) {
                switch (engine.getHandshakeStatus()) {
                    case NEED_TASK -> runTasks();
                    case NEED_WRAP -> send(ByteBuffer.allocate(0));
                    case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> unwrapInHandshake();
                    case FINISHED, NOT_HANDSHAKING -> {}
                }
            }
        } catch (SSLException | EOFException e) {
            sayWhy();
            release();
            throw (SSLException) new SSLHandshakeException(client.reason(e)).initCause(e);
        } catch (IOException e) {
            // Whoever made this closes what is below, and may forget this.
            release();
            throw e;
        } finally {
            reading.unlock();
        }
    }

    private void unwrapInHandshake() throws IOException {
        if (plain.hasRemaining() || !unwrap()) {
            throw new EOFException("the connection was closed");
        }
    }

    /** The alert that tells the server. */
    private void sayWhy() {
        try {
            if (engine.getHandshakeStatus() == SSLEngineResult.HandshakeStatus.NEED_WRAP) {
                send(ByteBuffer.allocate(0));
            }
        } catch (IOException e) {
            // It is not told, then: what failed before counts.
        }
    }

    private void runTasks() {
        for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
            task.run();
        }
    }

    /**
     * Takes one record, which may be none of data. The caller reads.
     *
     * @return whether there may be more
     */
    private boolean unwrap() throws IOException {
        plain.clear();
        try {
            SSLEngineResult result = engine.unwrap(received, plain);
            return switch (result.getStatus()) {
                case OK, BUFFER_UNDERFLOW -> answer(result.getHandshakeStatus()) || result.bytesConsumed() > 0 || receive();
                case BUFFER_OVERFLOW -> {
                    plain = ByteBuffer.allocateDirect(Math.max(engine.getSession().getApplicationBufferSize(), plain.capacity() * 2));
                    yield true;
                }
                case CLOSED -> false;
            };
        } finally {
            plain.flip();
        }
    }

    /** Does what a record asks of this side, as that of a server that wants other keys; whether it may be all that is to be waited for. */
    private boolean answer(SSLEngineResult.HandshakeStatus status) throws IOException {
        return switch (status) {
            case NEED_TASK -> {
                runTasks();
                yield true;
            }
            case NEED_WRAP -> {
                send(ByteBuffer.allocate(0));
                yield true;
            }
            case FINISHED -> true;
            case NOT_HANDSHAKING, NEED_UNWRAP, NEED_UNWRAP_AGAIN -> false;
        };
    }

    /** Whether there was more. */
    private boolean receive() throws IOException {
        received.compact();
        try {
            int n = below.getInputStream().read(fromBelow, 0, received.remaining());
            if (n > 0) {
                received.put(fromBelow, 0, n);
            }
            return n > 0;
        } finally {
            received.flip();
        }
    }

    /** All of {@code data}, or what TLS has to say where that is empty. */
    private void send(ByteBuffer data) throws IOException {
        writing.lock();
        try {
            do {
                toSend.clear();
                SSLEngineResult result = engine.wrap(data, toSend);
                switch (result.getStatus()) {
                    case OK -> {}
                    case BUFFER_OVERFLOW -> {
                        toSend = ByteBuffer.allocateDirect(Math.max(engine.getSession().getPacketBufferSize(), toSend.capacity() * 2));
                        toBelow = new byte[toSend.capacity()];
                    }
                    case CLOSED -> {
                        if (data.hasRemaining()) {
                            throw new SocketException("the connection is closed");
                        }
                    }
                    case BUFFER_UNDERFLOW -> throw new IllegalStateException("nothing to wrap: " + result);
                }
                int length = toSend.flip().remaining();
                toSend.get(toBelow, 0, length);
                below.getOutputStream().write(toBelow, 0, length);
            } while (data.hasRemaining());
        } finally {
            writing.unlock();
        }
    }

    /** Tells the server, unless another thread is writing: then the connection is given up. */
    @Override
    public void close() throws IOException {
        try {
            if (!below.isClosed() && writing.tryLock()) {
                try {
                    engine.closeOutbound();
                    send(ByteBuffer.allocate(0));
                } finally {
                    writing.unlock();
                }
            }
        } catch (IOException e) {
            // It may be gone.
        } finally {
            below.close();
            release();
        }
    }

    /** The engine's memory is not Java's; who uses it finds it closed. */
    private void release() {
        if (released.compareAndSet(false, true)) {
            ReferenceCountUtil.release(engine);
        }
    }

    private final class Decrypted extends InputStream {
        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            Objects.checkFromIndexSize(offset, length, bytes.length);
            if (length == 0) {
                return 0;
            }
            reading.lock();
            try {
                while (!plain.hasRemaining()) {
                    if (below.isClosed()) {
                        throw new SocketException("the socket is closed");
                    }
                    if (ended) {
                        return -1;
                    }
                    ended = !unwrap();
                }
                int n = Math.min(length, plain.remaining());
                plain.get(bytes, offset, n);
                return n;
            } finally {
                reading.unlock();
            }
        }

        @Override
        public int available() {
            return plain.remaining();
        }

        @Override
        public void close() throws IOException {
            TlsSocket.this.close();
        }
    }

    private final class Encrypting extends OutputStream {
        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            if (length > 0) {
                send(ByteBuffer.wrap(bytes, offset, length));
            }
        }

        @Override
        public void close() throws IOException {
            TlsSocket.this.close();
        }
    }

    @Override
    public InputStream getInputStream() {
        return in;
    }

    @Override
    public OutputStream getOutputStream() {
        return out;
    }

    @Override
    public SSLSession getSession() {
        return engine.getSession();
    }

    @Override
    public SSLParameters getSSLParameters() {
        return engine.getSSLParameters();
    }

    /** Has no effect: what is agreed on is the {@link TlsClient}'s to say, PostgreSQL's word for ALPN too. */
    @Override
    public void setSSLParameters(SSLParameters parameters) {}

    @Override
    public String getApplicationProtocol() {
        return engine.getApplicationProtocol();
    }

    @Override
    public String[] getSupportedCipherSuites() {
        return engine.getSupportedCipherSuites();
    }

    @Override
    public String[] getEnabledCipherSuites() {
        return engine.getEnabledCipherSuites();
    }

    @Override
    public void setEnabledCipherSuites(String[] suites) {
        engine.setEnabledCipherSuites(suites);
    }

    @Override
    public String[] getSupportedProtocols() {
        return engine.getSupportedProtocols();
    }

    @Override
    public String[] getEnabledProtocols() {
        return engine.getEnabledProtocols();
    }

    @Override
    public void setEnabledProtocols(String[] protocols) {
        engine.setEnabledProtocols(protocols);
    }

    @Override
    public boolean getEnableSessionCreation() {
        return engine.getEnableSessionCreation();
    }

    @Override
    public void setEnableSessionCreation(boolean flag) {
        engine.setEnableSessionCreation(flag);
    }

    @Override
    public String toString() {
        return "TLS on %s".formatted(below);
    }
}
