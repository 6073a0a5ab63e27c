package io.walrelay.proxy.shaping;

import io.walrelay.wal.Lsn;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Up to where a standby may be sent WAL now, and why not further: a pure function of what holds for it.
 *
 * <pre>
 *   sent ═══╪═══════════════╪═════════════╪════════════▶ limit
 *           │               │             └ the first transaction too young ends here: a delay goes as far as that
 *           │               └ released: a delay, and a pause, goes at least as far as that
 *           └ a pause goes no further; a rate as far as there are tokens, to the end of a page
 * </pre>
 *
 * @param upTo never past {@code limit}, and not before {@code sent} unless that is; the end of a record, the beginning of a page, or one of those two
 * @param hold empty when {@code upTo} is all there is
 */
public record Allowance(Lsn upTo, Optional<Hold> hold) {

    /** Where a message may end (walsender.c, XLogSendPhysical). */
    private static final long PAGE = 8192;

    /**
     * How far the records before the first one that is too young go.
     *
     * @param hold until when; without a time while what comes next was not looked at yet
     */
    record Horizon(Lsn end, Hold hold) {}

    /**
     * What holds at one instant.
     *
     * @param sent what the standby was sent
     * @param limit what it could be sent
     * @param released what an operator let go whatever else says no: the end of a record
     * @param horizon how far a delay lets it go; empty without a delay
     * @param tokens how many bytes its rate allows, none when negative; empty without a rate
     */
    record Snapshot(Lsn sent, Lsn limit, boolean paused, Optional<Lsn> released, Optional<Horizon> horizon, OptionalLong tokens) {}

    static Allowance decide(Snapshot now) {
        if (now.sent.isAtLeast(now.limit)) {
            return new Allowance(now.limit, Optional.empty());
        }
        Allowance willing = willing(now);
        Lsn upTo = Lsn.max(willing.upTo, now.sent);
        long tokens = Math.max(now.tokens.orElse(Long.MAX_VALUE), 0);
        if (upTo.minus(now.sent) <= tokens) {
            return new Allowance(upTo, willing.hold);
        }
        Lsn afforded = new Lsn(now.sent.plus(tokens).value() & -PAGE);
        return new Allowance(Lsn.max(afforded, now.sent), Optional.of(Hold.LIMITED));
    }

    /** Without its rate; may lie before what was sent. */
    private static Allowance willing(Snapshot now) {
        Lsn released = now.released.orElse(Lsn.INVALID);
        if (now.paused) {
            return held(now.limit, Lsn.max(now.sent, released), Hold.PAUSED);
        }
        return now.horizon
                .map(horizon -> held(now.limit, Lsn.max(horizon.end, released), horizon.hold))
                .orElse(new Allowance(now.limit, Optional.empty()));
    }

    private static Allowance held(Lsn limit, Lsn end, Hold why) {
        return end.isAtLeast(limit) ? new Allowance(limit, Optional.empty()) : new Allowance(end, Optional.of(why));
    }
}
