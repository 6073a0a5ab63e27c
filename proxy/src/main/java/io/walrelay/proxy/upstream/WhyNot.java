package io.walrelay.proxy.upstream;

import io.walrelay.proxy.upstream.UpstreamDecision.HostReason;
import java.util.List;

/** Says of each host of a snapshot why it is not followed. */
record WhyNot(UpstreamSnapshot snapshot) {

    List<HostReason> reasons() {
        return snapshot.reports().stream()
                .map(report -> new HostReason(report.host().toString(), switch (report) {
                    case HostReport.Unreachable r -> r.reason();
                    case HostReport.Reachable r -> reason(Standing.of(r, snapshot.own()));
                }))
                .toList();
    }

    private String reason(Standing s) {
        if (s.refusal().isPresent()) {
            return "refused: " + s.refusal().get();
        }
        if (s.older()) {
            return "it is on %s, which our own lineage has left".formatted(s.timeline());
        }
        return switch (snapshot.hint()) {
            case Hint.Names(var host) -> "the hint names %s".formatted(host);
            case Hint.Silent(var why) -> "the hint names no host: " + why;
            case Hint.None() -> "it is %s on %s; target_session_attrs is %s"
                    .formatted(s.primary() ? "a primary" : "in recovery", s.timeline(), snapshot.attrs());
        };
    }
}
