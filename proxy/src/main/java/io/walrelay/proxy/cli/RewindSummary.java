package io.walrelay.proxy.cli;

import io.walrelay.rewind.RewindReport;
import io.walrelay.rewind.plan.FileAction;
import io.walrelay.rewind.plan.RewindPlan;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A rewind's report as JSON. Positions in PostgreSQL's form, sizes in bytes, times in milliseconds.
 *
 * @param checkpointSuggested why the source should make a checkpoint, a clause; null when it need not, or has made one
 */
record RewindSummary(
        String outcome,
        @Nullable String fork,
        @Nullable Long timeline,
        @Nullable String lastCommonCheckpoint,
        @Nullable String replayStart,
        @Nullable String targetEnd,
        @Nullable String minRecoveryPoint,
        long changedBlocks,
        long skippedBlocks,
        long bytesToFetch,
        long bytesFetched,
        long sourceBytes,
        Wal targetWal,
        Wal sourceWal,
        @Nullable String checkpointSuggested,
        Map<String, Long> milliseconds,
        List<File> files) {

    /** Of how many segments the relay's change index told what they change, and how many were read. */
    record Wal(int segmentsIndexed, int segmentsRead) {}

    /** What is done to one file. */
    record File(String path, String action, long bytes) {}

    static RewindSummary of(RewindReport report) {
        Optional<RewindPlan> plan = report.plan();
        Map<String, Long> times = new LinkedHashMap<>();
        report.times().forEach((step, time) -> times.put(step, time.toMillis()));
        return new RewindSummary(
                report.outcome().name().toLowerCase(Locale.ROOT),
                plan.map(p -> p.divergence().fork().toString()).orElse(null),
                plan.map(p -> p.divergence().timeline().toLong()).orElse(null),
                plan.map(p -> p.lastCheckpoint().checkpoint().toString()).orElse(null),
                plan.map(p -> p.replayStart().redo().toString()).orElse(null),
                plan.map(p -> p.targetEnd().toString()).orElse(null),
                report.replayEnd().map(end -> end.position().toString()).orElse(null),
                plan.map(RewindPlan::changedBlocks).orElse(0L),
                plan.map(p -> p.skipped().size()).orElse(0L),
                plan.map(RewindPlan::bytesToFetch).orElse(0L),
                report.fetched(),
                plan.map(RewindPlan::sourceBytes).orElse(0L),
                new Wal(report.wal().targetIndexed(), report.wal().targetRead()),
                new Wal(report.wal().sourceIndexed(), report.wal().sourceRead()),
                report.checkpoint().orElse(null),
                times,
                plan.map(p -> p.actions().stream().map(RewindSummary::file).toList()).orElse(List.of()));
    }

    private static File file(FileAction action) {
        String word = switch (action) {
            case FileAction.MakeDirectory _ -> "make_directory";
            case FileAction.MakeLink _ -> "make_link";
            case FileAction.Copy _ -> "copy";
            case FileAction.Rewrite _ -> "rewrite";
            case FileAction.Install _ -> "install";
            case FileAction.CopyTail _ -> "copy_tail";
            case FileAction.CopyBlocks _ -> "copy_blocks";
            case FileAction.Truncate _ -> "truncate";
            case FileAction.Clear _ -> "clear";
            case FileAction.Remove _ -> "remove";
        };
        return new File(action.path(), word, action.fetched());
    }
}
