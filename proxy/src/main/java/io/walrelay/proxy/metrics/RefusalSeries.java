package io.walrelay.proxy.metrics;

import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.state.RefusedStandbys;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/** Who was sent away: those who had logged in by name, which are few hundred at most, strangers only as a number. */
final class RefusalSeries {

    private static final String REASON = "reason";

    private RefusalSeries() {}

    static void add(Families families, RefusedStandbys refused, Instant now) {
        Families.Counter refusals = families.counter("standby_refusals", "Standbys that were sent away since the start, by reason");
        refused.counts().forEach((reason, count) -> refusals.at(count, REASON, label(reason)));
        refusals.done();
        Families.Gauge age = families.gauge(
                "standby_refused_age_seconds", "Time since a standby that had logged in and has not streamed since was sent away last, and why");
        refused.known().forEach(refusal ->
                age.at(RelayCollector.seconds(Duration.between(refusal.at(), now)), "standby", refusal.name(), REASON, label(refusal.reason())));
        age.done();
    }

    private static String label(Refusal.Reason reason) {
        return reason.name().toLowerCase(Locale.ROOT);
    }
}
