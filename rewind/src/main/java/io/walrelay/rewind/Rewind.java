package io.walrelay.rewind;

import io.walrelay.rewind.RewindReport.Outcome;
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
    private final StopWatch time = new StopWatch();

    /** @param source closed by whoever opened it */
    public Rewind(RewindRequest request, RewindSource source, RewindListener listener) {
        this.request = request;
        this.source = source;
        this.listener = listener;
        this.target = new DataDirectory(request.target());
    }

    /**
     * Rewinds.
     *
     * @throws RefusedException when it can't be: the target is as it was
     * @throws IOException when something failed: the target is as it was, unless the message says that it is not
     */
    public RewindReport run() throws IOException, RefusedException {
        settle();
        try (Survey survey = new Survey(request, source, listener)) {
            Survey.Result seen = survey.look();
            time.done("look");
            return run(seen);
        }
    }

    private RewindReport run(Survey.Result seen) throws IOException, RefusedException {
        if (seen.plan().isEmpty()) {
            listener.info("no rewind required");
            if (request.standbyOf().isPresent() && !request.dryRun()) {
                StandbySettings.write(target, request.standbyOf().get());
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
        if (DirectoryChange.leftover(target.path()) == Leftover.NONE) {
            return;
        }
        if (request.dryRun()) {
            throw new RefusedException("an earlier rewind of %s was not finished".formatted(target), "Run it again without --dry-run, or with --undo.");
        }
        if (undo(target.path())) {
            listener.info("an earlier rewind was not finished; what it had changed was put back");
        }
    }

    /**
     * Puts back what a rewind that was not finished had changed.
     *
     * @return false when there was none
     */
    public static boolean undo(Path target) throws IOException {
        try (DirectoryChange change = DirectoryChange.resume(target).orElse(null)) {
            if (change == null) {
                return false;
            }
            change.undo();
            return true;
        }
    }

    private RewindReport rewind(RewindPlan plan, Survey.Result seen) throws IOException, RefusedException {
        if (request.relay().isPresent()) {
            // Before anything is touched: without this WAL the rewound server could not start.
            request.relay().get().reserve(seen.source().control().systemId(), seen.source().history(), plan.replayStart().redo());
            time.done("reserve");
        }
        try (DirectoryChange change = DirectoryChange.begin(target.path(), plan.text().getBytes(StandardCharsets.UTF_8), plan.space())) {
            Act act = new Act(plan, source, change, target, listener);
            ReplayEnd end;
            byte[] configuration;
            try {
                act.files();
                time.done("copy");
                listener.debug("creating backup label and updating control file");
                end = act.recovery(seen.source().control());
                configuration = act.configuration(request.standbyOf(), request.copyConfiguration() || request.relay().isEmpty());
            } catch (IOException | RefusedException | RuntimeException e) {
                putBack(change, e);
                throw e;
            }
            listener.debug("syncing target data directory");
            change.commit(configuration);
            time.done("sync");
            listener.info("Done!");
            return report(Outcome.REWOUND, seen, Optional.of(end), act.fetched());
        }
    }

    private void putBack(DirectoryChange change, Exception why) {
        try {
            listener.info("putting the target back as it was");
            change.undo();
        } catch (IOException | RuntimeException e) {
            listener.info("the target could not be put back, and servers refuse to start on it: %s".formatted(e.getMessage()));
            why.addSuppressed(e);
        }
    }

    private RewindReport report(Outcome outcome, Survey.Result seen, Optional<ReplayEnd> end, long fetched) {
        return new RewindReport(outcome, seen.plan(), end, fetched, time.times());
    }
}
