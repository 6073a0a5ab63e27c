package io.walrelay.rewind.plan;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.util.Comparator;
import java.util.List;

/**
 * From where the rewound server replays. Blocks to fetch, what backup_label says and which WAL is needed all count from here.
 *
 * @param redo the first record that is replayed
 * @param checkpoint where the record of the checkpoint begins whose redo it is
 * @param timeline that the checkpoint was made on
 */
public record ReplayStart(Lsn redo, Lsn checkpoint, TimelineId timeline, Reason reason) {

    /** Whose checkpoint it is. */
    public enum Reason {
        COMMON("the last common checkpoint"),
        /** A standby that has not made its restartpoint for the last common checkpoint: its files are as old as its last one. */
        SOURCE("the source's last restartpoint"),
        /**
         * A target that crashed lost what was in memory since, and a standby may have received more than it has replayed: its files are as old as its
         * own last checkpoint or restartpoint.
         */
        TARGET("the target's own last checkpoint");

        private final String words;

        Reason(String words) {
            this.words = words;
        }

        @Override
        public String toString() {
            return words;
        }
    }

    /** The oldest of {@code candidates}; of those that are equal the first. */
    public static ReplayStart oldest(List<ReplayStart> candidates) {
        return candidates.stream().min(Comparator.comparing(ReplayStart::redo)).orElseThrow();
    }

    @Override
    public String toString() {
        return "%s on timeline %s, %s".formatted(redo, timeline, reason);
    }
}
