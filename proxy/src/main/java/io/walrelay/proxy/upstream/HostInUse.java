package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import java.util.List;
import java.util.Optional;

/**
 * The host that we stream from, as {@link UpstreamChoice} has to know it. Immutable; each method says what is so after something
 * happened.
 *
 * @param host that we stream from, or did until a moment ago; empty once it counts as lost
 * @param usedAsPrimary the host that was in use last while it was a primary: in recovery it is not the one in use any more. After a
 *     switch-over it may be a standby of this very relay, and the two would wait for each other for ever
 */
public record HostInUse(Optional<HostAddress> host, Optional<HostAddress> usedAsPrimary) {

    public static final HostInUse NONE = new HostInUse(Optional.empty(), Optional.empty());

    public static HostInUse of(HostAddress host) {
        return new HostInUse(Optional.of(host), Optional.empty());
    }

    /** The hosts were asked. */
    HostInUse seen(List<HostReport> reports) {
        boolean primary = reports.stream().anyMatch(r -> r instanceof HostReport.Reachable there && isHost(there.host()) && !there.inRecovery());
        return primary ? new HostInUse(host, host) : this;
    }

    /** Nothing is streamed, and the hosts were asked: one that does not answer is not in use any more. */
    HostInUse lost(List<HostReport> reports) {
        boolean answers = reports.stream().anyMatch(r -> r instanceof HostReport.Reachable there && isHost(there.host()));
        return answers ? this : new HostInUse(Optional.empty(), usedAsPrimary);
    }

    /** {@code from} streams to us. */
    HostInUse streaming(HostReport.Reachable from) {
        Optional<HostAddress> now = Optional.of(from.host());
        return new HostInUse(now, from.inRecovery() ? usedAsPrimary : now);
    }

    /** {@code other} has what the host in use has not. */
    HostInUse instead(HostAddress other) {
        return new HostInUse(Optional.of(other), usedAsPrimary);
    }

    /** The operator's order is carried out: whatever was before does not count. Called before {@link #streaming}. */
    HostInUse ordered() {
        return new HostInUse(host, Optional.empty());
    }

    /** Whether {@code report}, of the host in use, says that it has become a standby since. */
    boolean demoted(HostReport.Reachable report) {
        return report.inRecovery() && usedAsPrimary.filter(report.host()::equals).isPresent();
    }

    private boolean isHost(HostAddress address) {
        return host.filter(address::equals).isPresent();
    }
}
