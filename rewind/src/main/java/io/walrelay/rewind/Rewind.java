package io.walrelay.rewind;

import io.walrelay.rewind.RewindReport.Outcome;
import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.DataDirectory;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.Leftover;
import io.walrelay.rewind.plan.RewindPlan;
import io.walrelay.rewind.source.RewindSource;
import io.walrelay.rewind.source.RewindSource.ReplayEnd;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Makes a diverged data directory a follower of its source again (pg_rewind.c, main): what only the target has is undone, block by block,
 * and WAL does the rest when the server starts. Used once, by one thread.
 */
public final class Rewind {

    private final RewindRequest request;
    private final RewindSource source;
    private final RewindListener listener;
    private final DataDirectory target;
    private final Changes changes;
    private final StopWatch time = new StopWatch();

    /** @param source closed by whoever opened it */
    public Rewind(RewindRequest request, RewindSource source, RewindListener listener) {
        this(request, source, listener, Changes.of(request.target(), request.journal()));
    }

    Rewind(RewindRequest request, RewindSource source, RewindListener listener, Changes changes) {
        this.request = request;
        this.source = source;
        this.listener = listener;
        this.target = new DataDirectory(request.target());
        this.changes = changes;
    }

    /**
     * Rewinds.
     *
     * @throws RefusedException when it can't be: the target is as it was
     * @throws IOException when something failed: the target is as it was, unless the message says that it is not
     */
    public RewindReport run() throws IOException, RefusedException {
        settle();
        try (Survey survey = new Survey(request, source, listener, time)) {
            return run(survey.look());
        }
    }

    private RewindReport run(Survey.Result seen) throws IOException, RefusedException {
        if (seen.plan().isEmpty()) {
            listener.info("no rewind required");
            if (request.standbyOf().isPresent() && !request.dryRun()) {
                StandbySettings.write(target, request.journal(), request.standbyOf().get(), listener);
            }
            return report(Outcome.NOT_REQUIRED, seen, Optional.empty(), 0);
        }
        RewindPlan plan = seen.plan().get();
        plan.kept().forEach(path -> listener.debug("Not removing file \"%s\" because it is required for recovery".formatted(path)));
        plan.text().lines().forEach(listener::debug);
        listener.info("need to copy %d MB (total source directory size is %d MB)".formatted(plan.bytesToFetch() >> 20, plan.sourceBytes() >> 20));
        return request.dryRun() ? report(Outcome.PLANNED, seen, Optional.empty(), 0) : rewind(plan, seen);
    }

    /** A run that was killed left the target half changed: it is put back, and all begins again. */
    private void settle() throws IOException, RefusedException {
        Leftover leftover = changes.leftover();
        if (leftover == Leftover.NONE) {
            return;
        }
        if (request.dryRun() && leftover == Leftover.FINISHED) {
            listener.info("an earlier rewind was finished, and only what kept the old state was not removed");
            return;
        }
        if (request.dryRun()) {
            throw new RefusedException("an earlier rewind of %s was not finished".formatted(target), "Run it again without --dry-run, or with --undo.");
        }
        if (undo(changes)) {
            listener.info("an earlier rewind was not finished; what it had changed was put back");
        }
    }

    /**
     * Puts back what a rewind that was not finished had changed.
     *
     * @param journal as in the request of that rewind
     * @return false when there was none
     */
    public static boolean undo(Path target, Optional<Path> journal) throws IOException {
        return undo(Changes.of(target, journal));
    }

    static boolean undo(Changes changes) throws IOException {
        try (DirectoryChange change = changes.resume().orElse(null)) {
            if (change == null) {
                return false;
            }
            change.undo();
            return true;
        }
    }

    private RewindReport rewind(RewindPlan plan, Survey.Result seen) throws IOException, RefusedException {
        if (seen.relay().isPresent()) {
            // Before anything is touched: without this WAL the rewound server could not start.
            seen.relay().get().reserve(plan.replayStart().redo());
            time.done("reserve");
        }
        try (DirectoryChange change = changes.begin(plan.text().getBytes(StandardCharsets.UTF_8), plan.space())) {
            Act act = new Act(plan, source, change, target, listener);
            new WholeChange(target.path(), change, listener).make(() -> {
                requireUnchanged(seen.target().control());
                act.files();
                time.done("copy");
                Act.SourceEnd end = act.sourceEnd(seen.source().control());
                if (seen.relay().isPresent()) {
                    // All that could not be waited for was seen to before anything was touched.
                    seen.relay().get().awaitSources(end.replay().position(), end.written()).ifPresent(lack -> listener.info("warning: %s; the target will wait for it".formatted(lack)));
                }
                listener.debug("creating backup label and updating control file");
                act.recovery(end);
                byte[] configuration = act.configuration(request.standbyOf(), request.copyConfiguration() || request.relay().isEmpty());
                listener.debug("syncing target data directory");
                return configuration;
            });
            time.done("sync");
            listener.info("Done!");
            sayWhatItNeeds(plan);
            return report(Outcome.REWOUND, seen, act.replayEnd(), act.fetched());
        }
    }

    /** Whose WAL is neither copied nor streamed. */
    private void sayWhatItNeeds(RewindPlan plan) throws IOException {
        if (request.relay().isPresent() && request.standbyOf().isEmpty() && target.readIfThere(Act.STANDBY_SIGNAL).isEmpty()) {
            listener.info("before its server starts the target needs %s, with which restore_command fetches WAL from %s on"
                    .formatted(Act.STANDBY_SIGNAL, plan.replayStart().redo()));
        }
    }

    /** Only since the change began has nobody else been able to start a server on it; it was surveyed before. */
    private void requireUnchanged(ControlFile surveyed) throws IOException, RefusedException {
        if (!ControlFile.parse("target", target.read(ControlFile.PATH)).equals(surveyed)) {
            throw new RefusedException("a server ran on %s, or something else changed it, since it was looked at".formatted(target), "See to it that nothing starts it, and run this again.");
        }
    }

    private RewindReport report(Outcome outcome, Survey.Result seen, Optional<ReplayEnd> end, long fetched) {
        Optional<String> checkpoint = end.flatMap(e -> SourceCheckpoint.wanted(seen.source().control(), e.position()));
        return new RewindReport(outcome, seen.plan(), end, fetched, seen.wal(), checkpoint, time.times());
    }
}
