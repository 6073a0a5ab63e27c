package io.walrelay.proxy.servers;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/** A Unix-domain socket in the form that pgjdbc wants. Options of TCP have no effect, nor have timeouts: who is there answers, or is gone. */
final class UnixSocket extends Socket {

    private final String path;
    private @Nullable SocketChannel channel;
    private boolean closed;

    UnixSocket(String path) {
        super();
        this.path = path;
    }

    @Override
    public void connect(SocketAddress ignored, int timeout) throws IOException {
        SocketChannel opened = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            opened.connect(UnixDomainSocketAddress.of(path));
        } catch (IOException e) {
            opened.close();
            throw new SocketException("could not connect to %s: %s".formatted(path, e.getMessage()));
        }
        channel = opened;
    }

    @Override
    public void connect(SocketAddress ignored) throws IOException {
        connect(ignored, 0);
    }

    private SocketChannel connected() throws SocketException {
        SocketChannel open = channel;
        if (open == null || closed) {
            throw new SocketException("the socket %s is not connected".formatted(path));
        }
        return open;
    }

    @Override
    public InputStream getInputStream() throws IOException {
        return Channels.newInputStream(connected());
    }

    @Override
    public OutputStream getOutputStream() throws IOException {
        return Channels.newOutputStream(connected());
    }

    @Override
    public boolean isConnected() {
        return channel != null;
    }

    @Override
    public boolean isClosed() {
        return closed;
    }

    @Override
    public synchronized void close() throws IOException {
        closed = true;
        SocketChannel open = channel;
        if (open != null) {
            open.close();
        }
    }

    @Override
    public void setTcpNoDelay(boolean on) {}

    @Override
    public boolean getTcpNoDelay() {
        return true;
    }

    @Override
    public void setKeepAlive(boolean on) {}

    @Override
    public boolean getKeepAlive() {
        return false;
    }

    @Override
    public void setSoTimeout(int timeout) {}

    @Override
    public int getSoTimeout() {
        return 0;
    }

    @Override
    public void setSendBufferSize(int size) {}

    @Override
    public int getSendBufferSize() {
        return 1 << 16;
    }

    @Override
    public void setReceiveBufferSize(int size) {}

    @Override
    public int getReceiveBufferSize() {
        return 1 << 16;
    }

    @Override
    public String toString() {
        return path;
    }
}
