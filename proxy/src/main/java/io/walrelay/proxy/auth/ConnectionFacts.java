package io.walrelay.proxy.auth;

import java.net.InetAddress;
import java.util.List;

/**
 * What is known of a connection when its access rule is looked for.
 *
 * @param database as in the startup packet
 * @param physicalReplication whether it asked for physical replication; then {@code database} does not count
 * @param local the addresses of this machine's interfaces, for samehost and samenet
 */
public record ConnectionFacts(
        InetAddress address, boolean encrypted, String database, String user, boolean physicalReplication, List<InterfaceAddress> local) {

    public ConnectionFacts {
        local = List.copyOf(local);
    }

    /** An address of this machine and how many of its bits name the network. */
    public record InterfaceAddress(InetAddress address, int prefix) {}
}
