package io.walrelay.proxy.servers;

import java.net.InetAddress;
import java.net.Socket;
import javax.net.SocketFactory;

/** Makes pgjdbc come to a server by its Unix-domain socket. Public since the driver finds it by name. */
public final class UnixSocketFactory extends SocketFactory {

    private final String path;

    /** @param path of the socket: what the driver is given as socketFactoryArg */
    public UnixSocketFactory(String path) {
        super();
        this.path = path;
    }

    @Override
    public Socket createSocket() {
        return new UnixSocket(path);
    }

    // The driver only asks for a socket that is not connected.

    @Override
    public Socket createSocket(String host, int port) {
        throw unsupported();
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress localHost, int localPort) {
        throw unsupported();
    }

    @Override
    public Socket createSocket(InetAddress host, int port) {
        throw unsupported();
    }

    @Override
    public Socket createSocket(InetAddress address, int port, InetAddress localAddress, int localPort) {
        throw unsupported();
    }

    private static UnsupportedOperationException unsupported() {
        return new UnsupportedOperationException("a Unix-domain socket has no host and port");
    }
}
