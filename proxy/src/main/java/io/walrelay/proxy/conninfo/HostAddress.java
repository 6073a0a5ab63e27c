package io.walrelay.proxy.conninfo;

import java.nio.file.Path;
import java.util.Optional;

/**
 * One host of a connection string.
 *
 * @param host what the server is called: shown, compared with its certificate, looked up in the password file; or the directory of
 *     its socket
 * @param hostaddr the numeric address to connect to instead of looking {@code host} up
 * @param port 1 to 65535
 */
public record HostAddress(String host, Optional<String> hostaddr, int port) {

    public static final int DEFAULT_PORT = 5432;

    public HostAddress {
        if (host.isEmpty()) {
            throw new IllegalArgumentException("a host without a name");
        }
        if (port < 1 || port > 65535) {
            throw new IllegalArgumentException("invalid port number: \"%d\"; expected 1 to 65535".formatted(port));
        }
    }

    public static HostAddress of(String host, int port) {
        return new HostAddress(host, Optional.empty(), port);
    }

    /** What to look up or connect to. */
    public String target() {
        return hostaddr.orElse(host);
    }

    /** The Unix-domain socket; empty for a host on the network. */
    public Optional<Path> socket() {
        return hostaddr.isEmpty() && host.startsWith("/") ? Optional.of(Path.of(host, ".s.PGSQL." + port)) : Optional.empty();
    }

    /** {@code pg1:5432}, {@code [::1]:5432}: the form that {@code walrelay follow} takes. */
    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
