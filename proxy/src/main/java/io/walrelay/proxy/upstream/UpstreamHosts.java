package io.walrelay.proxy.upstream;

import io.walrelay.proxy.state.FollowOrder;
import io.walrelay.proxy.conninfo.HostAddress;
import io.netty.channel.EventLoopGroup;
import io.walrelay.protocol.handshake.SessionKind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Asks the hosts one after the other what they are. Confined to the control thread. */
final class UpstreamHosts {

    /** What to do on a host that answers, while the session with it is open. */
    interface Errand {
        void run(UpstreamConnection connection, HostProbe probe) throws UpstreamException, InterruptedException;
    }

    private final UpstreamDialer dialer;
    private final EventLoopGroup group;
    private final List<HostAddress> named;
    private final Map<HostAddress, HostReport.LastSeen> lastSeen = new HashMap<>();
    private final Map<HostAddress, HostProbe> probes = new HashMap<>();

    UpstreamHosts(UpstreamDialer dialer, EventLoopGroup group, List<HostAddress> named) {
        this.dialer = dialer;
        this.group = group;
        this.named = List.copyOf(named);
    }

    /** Reports of the hosts of the connection string in its order, then of those that {@code order} and {@code inUse} name besides. */
    List<HostReport> ask(Optional<FollowOrder> order, Optional<HostAddress> inUse, Errand errand) throws InterruptedException {
        Set<HostAddress> hosts = new LinkedHashSet<>(named);
        inUse.ifPresent(hosts::add);
        order.flatMap(this::besides).ifPresent(hosts::add);
        probes.clear();
        List<HostReport> reports = new ArrayList<>();
        for (HostAddress host : hosts) {
            reports.add(ask(host, errand));
        }
        return reports;
    }

    /** A host that the operator named and the connection string does not. */
    private Optional<HostAddress> besides(FollowOrder order) {
        return switch (order) {
            case FollowOrder.Host host when named.stream().noneMatch(host::names) ->
                Optional.of(HostAddress.of(host.host(), host.port().orElse(HostAddress.DEFAULT_PORT)));
            case FollowOrder.Host _, FollowOrder.Timeline _ -> Optional.empty();
        };
    }

    private HostReport ask(HostAddress host, Errand errand) throws InterruptedException {
        try (UpstreamConnection connection = dialer.connect(host, SessionKind.PHYSICAL_REPLICATION, group)) {
            HostProbe probe = HostProbe.of(connection);
            probes.put(host, probe);
            lastSeen.put(host, probe.report().inRecovery() ? HostReport.LastSeen.STANDBY : HostReport.LastSeen.PRIMARY);
            errand.run(connection, probe);
            return probe.report();
        } catch (UpstreamException e) {
            HostProbe probe = probes.get(host);
            return probe != null
                    ? probe.report()
                    : new HostReport.Unreachable(host, e.reason(), lastSeen.getOrDefault(host, HostReport.LastSeen.NEVER));
        }
    }

    /** What {@code host} said in the last round; empty when it said nothing. */
    Optional<HostProbe> probe(HostAddress host) {
        return Optional.ofNullable(probes.get(host));
    }
}
