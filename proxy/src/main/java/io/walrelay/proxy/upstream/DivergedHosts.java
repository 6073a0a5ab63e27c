package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Hosts whose bytes turned out to be others than ours: what they say of themselves does not show it, so it is remembered until it
 * changes, or they were away. Confined to the control thread.
 */
final class DivergedHosts {

    private record Known(HostReport.Reachable report, Stop stop) {
        boolean still(HostReport.Reachable now) {
            return now.system().equals(report.system())
                    && now.history().id().equals(report.history().id())
                    && now.inRecovery() == report.inRecovery()
                    && now.flushed().isAtLeast(report.flushed());
        }
    }

    private final Map<HostAddress, Known> known = new HashMap<>();

    void remember(HostReport.Reachable report, Stop stop) {
        known.put(report.host(), new Known(report, stop));
    }

    /** Those that are as they were, with what to say of them; others are forgotten. */
    Map<HostAddress, Stop> among(List<HostReport> reports) {
        Map<HostAddress, Stop> still = new HashMap<>();
        for (HostReport report : reports) {
            Known before = known.get(report.host());
            if (before != null && report instanceof HostReport.Reachable now && before.still(now)) {
                still.put(report.host(), before.stop());
            }
        }
        known.keySet().retainAll(still.keySet());
        return still;
    }
}
