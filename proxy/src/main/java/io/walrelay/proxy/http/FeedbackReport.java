package io.walrelay.proxy.http;

import io.walrelay.proxy.feedback.Horizons;
import io.walrelay.proxy.feedback.XidHorizon;
import io.walrelay.wal.FullTransactionId;
import java.util.Optional;

/** What is kept on the primary for standbys, as a report has it. */
final class FeedbackReport {

    private FeedbackReport() {}

    static StatusReport.Feedback of(Horizons now) {
        return new StatusReport.Feedback(now.next().map(FullTransactionId::toString), horizon(now.xmin()), horizon(now.catalogXmin()));
    }

    private static StatusReport.XidHorizon horizon(XidHorizon horizon) {
        return new StatusReport.XidHorizon(
                shown(horizon.reported()),
                horizon.oldest().map(FeedbackReport::hold),
                horizon.capped(),
                horizon.tooOld().stream().map(FeedbackReport::hold).toList());
    }

    private static StatusReport.XidHold hold(XidHorizon.Hold hold) {
        return new StatusReport.XidHold(hold.holder().kind().toString(), hold.holder().name(), hold.xid().toString(), hold.age().map(age -> Math.max(age, 0)));
    }

    /** Empty for none. */
    static Optional<String> shown(FullTransactionId xid) {
        return xid.isValid() ? Optional.of(xid.toString()) : Optional.empty();
    }
}
