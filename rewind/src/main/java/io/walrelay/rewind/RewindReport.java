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
 * @param times how long each step took, in their order
 */
public record RewindReport(Outcome outcome, Optional<RewindPlan> plan, Optional<ReplayEnd> replayEnd, long fetched, WalUse wal, Map<String, Duration> times) {

    /** What became of it. */
    public enum Outcome {
        NOT_REQUIRED,
        PLANNED,
        REWOUND
    }
}
