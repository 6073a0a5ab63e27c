package io.walrelay.proxy.conninfo;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Makes hosts of the elements of host, hostaddr and port (fe-connect.c, pqConnectOptions2). Used once. */
final class HostList {

    private final List<String> names;
    private final List<String> addresses;
    private final List<String> ports;
    private final boolean sockets;
    private final List<String> problems;

    /**
     * @param sockets whether a name may be a directory of Unix-domain sockets
     * @param problems where what is wrong is put
     */
    HostList(List<String> names, List<String> addresses, List<String> ports, boolean sockets, List<String> problems) {
        this.names = names;
        this.addresses = addresses;
        this.ports = ports;
        this.sockets = sockets;
        this.problems = problems;
    }

    /** All that are right; what is wrong went to the problems. */
    List<HostAddress> read() {
        if (!names.isEmpty() && !addresses.isEmpty() && names.size() != addresses.size()) {
            problems.add("could not match %d host names to %d hostaddr values".formatted(names.size(), addresses.size()));
            return List.of();
        }
        int count = Math.max(names.size(), addresses.size());
        if (count == 0) {
            problems.add("host is missing; expected host=NAME[,NAME…] or PGHOST (there is no default: Unix-domain sockets are not supported)");
            return List.of();
        }
        if (ports.size() > 1 && ports.size() != count) {
            problems.add("could not match %d port numbers to %d hosts".formatted(ports.size(), count));
            return List.of();
        }
        List<HostAddress> hosts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String name = names.isEmpty() ? "" : names.get(i);
            String address = addresses.isEmpty() ? "" : addresses.get(i);
            int port = ports.isEmpty() ? HostAddress.DEFAULT_PORT : port(ports.get(ports.size() == 1 ? 0 : i), i > 0 && ports.size() == 1);
            // An address given hides a socket directory, as in libpq: then the name is only for show and for passwords.
            if (address.isEmpty() && (name.startsWith("@") || (name.startsWith("/") && !sockets))) {
                problems.add("host \"%s\" is a Unix-domain socket, which is not supported; expected a host name or an IP address".formatted(name));
            } else if (name.isEmpty() && address.isEmpty()) {
                problems.add("host %d of %d is empty; expected a host name or an IP address".formatted(i + 1, count));
            } else if (!address.isEmpty() && !isNumeric(address)) {
                problems.add("could not parse network address \"%s\" in hostaddr; expected a numeric IPv4 or IPv6 address".formatted(address));
            } else if (port > 0) {
                hosts.add(new HostAddress(name.isEmpty() ? address : name, Optional.of(address).filter(a -> !a.isEmpty()), port));
            }
        }
        return hosts;
    }

    /** Zero if it is none. One port may stand for all hosts: then only the first of them complains. */
    private int port(String text, boolean again) {
        if (text.isEmpty()) {
            return HostAddress.DEFAULT_PORT;
        }
        try {
            int port = Integer.parseInt(text.strip());
            if (port >= 1 && port <= 65535) {
                return port;
            }
        } catch (NumberFormatException e) {
            // Said below, with the numbers that are out of range.
        }
        if (!again) {
            problems.add("invalid port number: \"%s\"; expected 1 to 65535".formatted(text));
        }
        return 0;
    }

    private static boolean isNumeric(String address) {
        try {
            InetAddress.ofLiteral(address);
            return true;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }
}
