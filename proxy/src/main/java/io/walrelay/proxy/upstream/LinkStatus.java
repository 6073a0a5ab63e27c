package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.proxy.state.UpstreamStatus.State;
import io.walrelay.wal.Lsn;
import java.time.Instant;
import java.util.Optional;

/** Writes {@link UpstreamStatus}. The control thread says what the link does, the WAL writer thread how far it came. Thread-safe. */
final class LinkStatus {

    private final RelayState relay;

    LinkStatus(RelayState relay) {
        this.relay = relay;
    }

    synchronized void become(State state, Optional<HostAddress> host, Optional<String> problem) {
        UpstreamStatus old = relay.upstream();
        boolean same = old.state() == state && (host.isEmpty() || old.host().equals(host.map(HostAddress::toString)));
        relay.update(new UpstreamStatus(
                state,
                host.map(HostAddress::toString).or(old::host),
                same ? old.since() : relay.clock().instant(),
                old.received(),
                old.upstreamEnd(),
                old.acknowledged(),
                old.lastMessage(),
                problem));
    }

    synchronized void heard(Lsn received, Lsn upstreamEnd, Instant at) {
        UpstreamStatus old = relay.upstream();
        relay.update(new UpstreamStatus(
                old.state(), old.host(), old.since(), received, upstreamEnd, old.acknowledged(), Optional.of(at), old.problem()));
    }

    synchronized void acknowledged(Lsn position) {
        UpstreamStatus old = relay.upstream();
        if (!old.acknowledged().equals(position)) {
            relay.update(new UpstreamStatus(
                    old.state(), old.host(), old.since(), old.received(), old.upstreamEnd(), position, old.lastMessage(), old.problem()));
        }
    }

    Lsn acknowledged() {
        return relay.upstream().acknowledged();
    }
}
