package io.walrelay.proxy.http;

import io.walrelay.proxy.state.TimelineBranch;
import java.util.Locale;
import java.util.Optional;

/**
 * A row of the answer of {@code /api/v1/timelines}: a branch of the tree that promotions made; see {@link TimelineBranch}.
 *
 * @param from null for a root
 * @param state ancestor, current, orphan, or orphan_acknowledged: commits may be lost
 */
public record TimelineReport(long timeline, String lineage, Optional<String> parent, Optional<String> from, String to, String state, Optional<String> reason) {

    static TimelineReport of(TimelineBranch branch) {
        return new TimelineReport(
                branch.timeline().toLong(),
                branch.lineage(),
                branch.parent(),
                Reports.position(branch.from()),
                branch.to().toString(),
                branch.state().name().toLowerCase(Locale.ROOT),
                branch.reason());
    }
}
