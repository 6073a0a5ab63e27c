package io.walrelay.proxy.auth;

import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What is known of a connection when its access rule is looked for.
 *
 * @param address of the client; empty when it came by the Unix-domain socket
 * @param database as in the startup packet
 * @param physicalReplication whether it asked for physical replication; then {@code database} does not count
 * @param local tells the addresses of this machine's interfaces; asked only when a rule says samehost or samenet
 */
public record ConnectionFacts(
        Optional<InetAddress> address, boolean encrypted, String database, String user, boolean physicalReplication, Supplier<List<InterfaceAddress>> local) {

    /** An address of this machine and how many of its bits name the network. */
    public record InterfaceAddress(InetAddress address, int prefix) {}
}
