package io.walrelay.proxy.relay;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.feedback.Claim;
import io.walrelay.proxy.feedback.FeedbackLimits;
import io.walrelay.proxy.feedback.Holder;
import io.walrelay.proxy.feedback.Horizons;
import io.walrelay.proxy.state.Event;
import io.walrelay.proxy.state.Events;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Xmins;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FeedbackWatchTest {

    private static final FullTransactionId NEXT = FullTransactionId.of(1, 5_000);

    private final Events events = new Events(Clock.systemUTC());

    private static Claim claim(Holder.Kind kind, String name, FullTransactionId xmin, FullTransactionId catalogXmin) {
        return new Claim(new Holder(kind, name), new Xmins(xmin, catalogXmin));
    }

    private static Horizons horizons(FeedbackLimits limits, Claim... claims) {
        return Horizons.of(List.of(claims), Optional.of(NEXT), limits);
    }

    private List<String> told() {
        return events.recent().stream().map(Event::text).toList();
    }

    @Test
    void namesWhoHoldsTooMuchOnceEachTimeThatItBegins() {
        FeedbackLimits limits = new FeedbackLimits(1_000, false);
        FeedbackWatch watch = new FeedbackWatch(limits, events);
        Horizons late = horizons(
                limits,
                claim(Holder.Kind.SLOT, "a", FullTransactionId.of(1, 3_000), FullTransactionId.INVALID),
                claim(Holder.Kind.STANDBY, "b", FullTransactionId.of(1, 3_500), FullTransactionId.INVALID),
                claim(Holder.Kind.STANDBY, "c", FullTransactionId.of(1, 4_000), FullTransactionId.INVALID));
        watch.look(late);
        watch.look(late);
        assertEquals(
                List.of(
                        "xmin of slot \"a\" is 4294970296, 2000 transactions old, more than feedback.max-xmin-age = 1000: upstream keeps rows for it no longer than that, so its queries may be cancelled. Look for a long transaction there, or if its standby is gone: walrelay slot drop a",
                        "xmin of standby \"b\" is 4294970796, 1500 transactions old, more than feedback.max-xmin-age = 1000: upstream keeps rows for it no longer than that, so its queries may be cancelled. Look for a long transaction there"),
                told());
        watch.look(horizons(limits));
        watch.look(late);
        assertEquals(4, told().size());
    }

    @Test
    void saysWhatBecomesOfCatalogXmin() {
        Claim a = claim(Holder.Kind.SLOT, "a", FullTransactionId.INVALID, FullTransactionId.of(1, 3_000));
        for (boolean caps : new boolean[] {false, true}) {
            FeedbackLimits limits = new FeedbackLimits(1_000, caps);
            new FeedbackWatch(limits, events).look(horizons(limits, a));
        }
        String begin = "catalog_xmin of slot \"a\" is 4294970296, 2000 transactions old, more than feedback.max-xmin-age = 1000: ";
        String end = ". Look for a logical slot there that nobody reads, or if its standby is gone: walrelay slot drop a";
        assertEquals(
                List.of(
                        begin + "it is reported nevertheless, since feedback.cap-catalog = false, and upstream keeps rows of catalogs for it" + end,
                        begin + "upstream keeps rows of catalogs for it no longer than that, so logical slots on it may be invalidated" + end),
                told());
    }

    @Test
    void namesWhoseTransactionsCannotBe() {
        FeedbackWatch watch = new FeedbackWatch(FeedbackLimits.DEFAULT, events);
        watch.look(horizons(FeedbackLimits.DEFAULT, claim(Holder.Kind.STANDBY, "b", FullTransactionId.of(0, 5_000), FullTransactionId.of(0, 5_000))));
        assertEquals(
                List.of("feedback of standby \"b\" is not passed on: transaction 5000 is 4294967296 from upstream's next one; expected at most 2147483648"), told());
    }
}
