package io.walrelay.proxy.relay;

import io.walrelay.proxy.feedback.FeedbackLimits;
import io.walrelay.proxy.feedback.Holder;
import io.walrelay.proxy.feedback.Horizons;
import io.walrelay.proxy.feedback.XidHorizon;
import io.walrelay.proxy.state.Events;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Tells of standbys that hold back more than they may, once for each time that they begin to. Confined to housekeeping. */
final class FeedbackWatch {

    private enum Trouble {
        XMIN,
        CATALOG_XMIN,
        BEYOND
    }

    private record Told(Holder holder, Trouble trouble) {}

    private final FeedbackLimits limits;
    private final Events events;
    private Set<Told> told = Set.of();

    FeedbackWatch(FeedbackLimits limits, Events events) {
        this.limits = limits;
        this.events = events;
    }

    void look(Horizons now) {
        Set<Told> all = new HashSet<>();
        for (XidHorizon.Hold hold : now.xmin().tooOld()) {
            tell(all, hold, Trouble.XMIN, "xmin of %s is %s, %d transactions old, more than feedback.max-xmin-age = %d: upstream keeps rows for it no longer than that, so its queries may be cancelled. Look for a long transaction there%s"
                    .formatted(hold.holder(), hold.xid(), age(hold), limits.maxXminAge(), orDrop(hold.holder())));
        }
        for (XidHorizon.Hold hold : now.catalogXmin().tooOld()) {
            String consequence = now.catalogXmin().capped()
                    ? "upstream keeps rows of catalogs for it no longer than that, so logical slots on it may be invalidated"
                    : "it is reported nevertheless, since feedback.cap-catalog = false, and upstream keeps rows of catalogs for it";
            tell(all, hold, Trouble.CATALOG_XMIN, "catalog_xmin of %s is %s, %d transactions old, more than feedback.max-xmin-age = %d: %s. Look for a logical slot there that nobody reads%s"
                    .formatted(hold.holder(), hold.xid(), age(hold), limits.maxXminAge(), consequence, orDrop(hold.holder())));
        }
        for (XidHorizon horizon : List.of(now.xmin(), now.catalogXmin())) {
            for (XidHorizon.Hold hold : horizon.beyond()) {
                tell(all, hold, Trouble.BEYOND, "feedback of %s is not passed on: transaction %s is %d from upstream's next one; expected at most 2147483648"
                        .formatted(hold.holder(), hold.xid(), age(hold)));
            }
        }
        told = all;
    }

    private void tell(Set<Told> all, XidHorizon.Hold hold, Trouble trouble, String text) {
        Told now = new Told(hold.holder(), trouble);
        if (all.add(now) && !told.contains(now)) {
            events.warning(trouble == Trouble.BEYOND ? "feedback-ignored" : "feedback-too-old", text);
        }
    }

    private static long age(XidHorizon.Hold hold) {
        return hold.age().orElse(0L);
    }

    private static String orDrop(Holder holder) {
        return holder.kind() == Holder.Kind.SLOT ? ", or if its standby is gone: walrelay slot drop " + holder.name() : "";
    }
}
