package io.walrelay.rewind;

import io.walrelay.rewind.plan.RewindPlan;
import io.walrelay.rewind.source.RewindSource.ReplayEnd;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * How it went.
 *
 * @param plan empty when no rewind was required
 * @param replayEnd how far the rewound server replays before it is consistent; empty when nothing was changed
 * @param fetched bytes that came from the source
 * @param wal which of the WAL that the plan is made of was read
 * @param checkpoint why the source should make a checkpoint now, a clause; empty when it need not
 * @param times how long each step took, in their order
 */
public record RewindReport(
        Outcome outcome,
        Optional<RewindPlan> plan,
        Optional<ReplayEnd> replayEnd,
        long fetched,
        WalUse wal,
        Optional<String> checkpoint,
        Map<String, Duration> times) {

    /** The same when the source has made a checkpoint since. */
    public RewindReport withCheckpoint() {
        return new RewindReport(outcome, plan, replayEnd, fetched, wal, Optional.empty(), times);
    }

    /** What became of it. */
    public enum Outcome {
        NOT_REQUIRED,
        PLANNED,
        REWOUND
    }
}
