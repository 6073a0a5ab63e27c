package io.walrelay.proxy.metrics;

import io.walrelay.proxy.feedback.Horizons;
import io.walrelay.proxy.feedback.XidHorizon;

/** Who holds back vacuum on the primary, and how far. Ages are in transactions, and left out while it is not known how far upstream is. */
final class FeedbackSeries {

    private FeedbackSeries() {}

    static void add(Families families, Horizons now) {
        Families.Gauge age = families.gauge("feedback_age", "Transactions between what the slot or standby holds and upstream's next one");
        Families.Gauge reported = families.gauge("feedback_reported_age", "Transactions between what upstream is told to keep and its next one");
        Families.Gauge tooOld = families.gauge("feedback_too_old", "Slots and standbys that hold more than feedback.max-xmin-age");
        add(age, reported, tooOld, now, now.xmin(), "xmin");
        add(age, reported, tooOld, now, now.catalogXmin(), "catalog_xmin");
        age.done();
        reported.done();
        tooOld.done();
    }

    private static void add(Families.Gauge age, Families.Gauge reported, Families.Gauge tooOld, Horizons now, XidHorizon horizon, String kind) {
        ByName.group(horizon.holds(), hold -> hold.holder().kind() + " " + hold.holder().name()).forEach((name, group) -> {
            String holder = name.equals(ByName.OTHERS) ? name : group.getFirst().holder().kind().toString();
            String named = name.equals(ByName.OTHERS) ? name : group.getFirst().holder().name();
            group.getFirst().age().ifPresent(oldest -> age.at(Math.max(oldest, 0), "horizon", kind, "holder", holder, "name", named));
        });
        if (horizon.reported().isValid()) {
            now.next().ifPresent(next -> reported.at(Math.max(next.minus(horizon.reported()), 0), "horizon", kind));
        }
        tooOld.at(horizon.tooOld().size(), "horizon", kind);
    }
}
