package io.walrelay.proxy.feedback;

import io.walrelay.wal.FullTransactionId;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The horizon of one kind, xmin or catalog_xmin: what upstream is told, and for whom. A pure function of who holds what.
 *
 * <pre>
 *      next - 2^31              next - max-xmin-age            next
 *   ────────┬─────────────────────────┬─────────────────────────┬────────────────┬──▶ transactions
 *    beyond │          tooOld         │          fine           │  reported as   │ beyond
 *           │  reported as that old,  │                         │  next: the log │
 *           │  or as it is if uncapped│                         │  is read behind│ next + 2^31
 * </pre>
 *
 * @param reported what upstream is told, never more than {@code next} where that is known; {@link FullTransactionId#INVALID} when nobody holds anything
 * @param holds what counts, the oldest first
 * @param tooOld those of them that hold more than the limit allows
 * @param capped whether {@code reported} is newer than what these hold
 * @param beyond what can't be, since it is more than half of the circle away: upstream would throw away a message that has it (walsender.c,
 *     TransactionIdInRecentPast), so it does not count
 */
public record XidHorizon(FullTransactionId reported, List<Hold> holds, List<Hold> tooOld, boolean capped, List<Hold> beyond) {

    private static final Comparator<Hold> OLDEST_FIRST = Comparator.comparing(Hold::xid).thenComparing(Hold::holder);

    /** @param age transactions between it and upstream's next one, negative when the log was not read so far; empty while that is not known */
    public record Hold(Holder holder, FullTransactionId xid, Optional<Long> age) {

        private boolean isBeyond() {
            return age.filter(behind -> Math.abs(behind) > FullTransactionId.HALF_CIRCLE).isPresent();
        }

        private boolean isOlderThan(long limit) {
            return age.filter(behind -> behind > limit).isPresent();
        }
    }

    public XidHorizon {
        holds = List.copyOf(holds);
        tooOld = List.copyOf(tooOld);
        beyond = List.copyOf(beyond);
    }

    /**
     * @param held by whom; a holder that holds nothing has {@link FullTransactionId#INVALID}
     * @param next what upstream gives out next, at least; while it is not known nothing has an age, and nothing is too old
     */
    static XidHorizon of(Map<Holder, FullTransactionId> held, Optional<FullTransactionId> next, long maxAge, boolean caps) {
        List<Hold> all = new TreeMap<>(held).entrySet().stream()
                .filter(entry -> entry.getValue().isValid())
                .map(entry -> new Hold(entry.getKey(), entry.getValue(), next.map(now -> now.minus(entry.getValue()))))
                .sorted(OLDEST_FIRST)
                .toList();
        List<Hold> holds = all.stream().filter(hold -> !hold.isBeyond()).toList();
        List<Hold> tooOld = holds.stream().filter(hold -> hold.isOlderThan(maxAge)).toList();
        boolean capped = caps && !tooOld.isEmpty();
        FullTransactionId reported = capped
                ? next.orElseThrow().before(maxAge)
                : holds.stream().findFirst().map(hold -> atMost(next, hold.xid())).orElse(FullTransactionId.INVALID);
        return new XidHorizon(reported, holds, tooOld, capped, all.stream().filter(Hold::isBeyond).toList());
    }

    /** Upstream throws away a message with what it has yet to give out; that it keeps more is always right. */
    private static FullTransactionId atMost(Optional<FullTransactionId> next, FullTransactionId xid) {
        return next.filter(now -> now.isBefore(xid)).orElse(xid);
    }

    /** Who holds the oldest; empty when nobody holds anything. */
    public Optional<Hold> oldest() {
        return holds.stream().findFirst();
    }
}
