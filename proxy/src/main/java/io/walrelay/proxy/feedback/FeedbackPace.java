package io.walrelay.proxy.feedback;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Xmins;
import java.util.List;
import java.util.Optional;

/**
 * Which messages a stream sends upstream, and when (walreceiver.c, XLogWalRcvSendHSFeedback). Pure.
 *
 * <p>What holds more goes at once; what holds less waits for the interval, and all is said again with each interval as long as anything is held, since upstream
 * throws away what it can't place. The first message of a stream is always sent, as by a walreceiver, since an earlier session may have left something in
 * the relay's slot; but one that holds nothing waits for the interval, too: when the relay was restarted, standbys without a slot come back in that time.
 */
public final class FeedbackPace {

    private FeedbackPace() {}

    /**
     * @param sent what this stream sent last; empty before the first
     * @param now what is to be kept
     * @param intervalOver whether the last message, or the beginning of the stream, is as long ago as messages are to be apart
     * @return what is to be sent, in this order
     */
    public static List<Xmins> due(Optional<Xmins> sent, Xmins now, boolean intervalOver) {
        Xmins before = sent.orElse(Xmins.NONE);
        boolean more = isMore(before.xmin(), now.xmin()) || isMore(before.catalogXmin(), now.catalogXmin());
        boolean again = intervalOver && (sent.isEmpty() || !before.isNone() || !now.isNone());
        if (!more && !again) {
            return List.of();
        }
        // Upstream's slot does not take an older xmin unless it has none. Between the two, which it reads at once, it has none: the most that can come of it
        // is a query that is cancelled. With catalog_xmin it could be a slot that is invalidated, so that one is never let go for a moment.
        boolean goesBack = before.xmin().isValid() && isMore(before.xmin(), now.xmin());
        return goesBack ? List.of(new Xmins(FullTransactionId.INVALID, now.catalogXmin()), now) : List.of(now);
    }

    private static boolean isMore(FullTransactionId before, FullTransactionId now) {
        return now.isValid() && (!before.isValid() || now.isBefore(before));
    }
}
