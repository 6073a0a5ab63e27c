package io.walrelay.rewind;

import io.walrelay.rewind.datadir.BackupLabel;
import io.walrelay.rewind.datadir.ClusterState;
import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.DataDirectory;
import io.walrelay.rewind.datadir.FileEntry;
import io.walrelay.rewind.datadir.PgWal;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.RelationPath;
import io.walrelay.rewind.datadir.RestoredWal;
import io.walrelay.rewind.datadir.ServerProgram;
import io.walrelay.rewind.datadir.WalElsewhere;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.LastRewind;
import io.walrelay.rewind.plan.BlockMap;
import io.walrelay.rewind.plan.Divergence;
import io.walrelay.rewind.plan.HeldChanges;
import io.walrelay.rewind.plan.Preconditions;
import io.walrelay.rewind.plan.ProvenSegments;
import io.walrelay.rewind.plan.ReplayStart;
import io.walrelay.rewind.plan.RewindPlan;
import io.walrelay.rewind.plan.SameNumber;
import io.walrelay.rewind.plan.Scope;
import io.walrelay.rewind.plan.Side;
import io.walrelay.rewind.plan.SkippedBlocks;
import io.walrelay.rewind.plan.TargetWal;
import io.walrelay.rewind.plan.WholePages;
import io.walrelay.rewind.source.ControlFiles;
import io.walrelay.rewind.source.Histories;
import io.walrelay.rewind.source.RewindSource;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Looks at both servers until it is decided what to do; changes neither. Used once; what it restored from an archive is there until it is closed. */
final class Survey implements Closeable {

    private static final long BLOCK = 8192;

    /** Bytes of WAL that are read, where there is no index, anyway. */
    private static final long FEW = 256 << 20;

    private final RewindRequest request;
    private final RewindSource source;
    private final RewindListener listener;
    private final DataDirectory directory;
    private final StopWatch time;
    private WalUse wal = WalUse.NONE;
    private @Nullable RestoredWal archive;

    Survey(RewindRequest request, RewindSource source, RewindListener listener, StopWatch time) {
        this.request = request;
        this.source = source;
        this.listener = listener;
        this.directory = new DataDirectory(request.target());
        this.time = time;
    }

    /**
     * What was seen.
     *
     * @param target the target's side
     * @param source the source's side before anything was copied
     * @param plan empty when no rewind is required
     * @param wal of which WAL it is made
     * @param relay empty when none is asked, or no rewind is required
     */
    record Result(Side target, Side source, Optional<RewindPlan> plan, WalUse wal, Optional<RelayWal> relay) {}

    Result look() throws IOException, RefusedException {
        DirectoryChange.requireStopped(directory.path());
        source.check();
        ControlFile ours = ControlFile.parse("target", directory.read(ControlFile.PATH));
        ControlFile theirs = ControlFiles.read(source);
        int major = directory.majorVersion("target");
        int sourceMajor = DataDirectory.majorVersion("source", new String(sourceFile("PG_VERSION"), StandardCharsets.UTF_8));
        Preconditions.check(
                new Preconditions.Version(ours, major), new Preconditions.Version(theirs, sourceMajor), source.isRunning(), request.crashedTarget());
        WalElsewhere restored = restored(major, ours);
        Side target = new Side(ours, major, targetHistory(ours.timeline(), restored));
        Side other = new Side(theirs, sourceMajor, sourceHistory(theirs.timeline()));
        listener.debug("target: %s, history %s".formatted(ours, target.history().id()));
        listener.debug("source: %s, history %s".formatted(theirs, other.history().id()));
        try (PgWal local = targetWal(target, WalElsewhere.NOWHERE)) {
            SameNumber sameNumber = new SameNumber(target, local, other, source);
            Optional<Divergence> divergence = divergence(target, other, sameNumber);
            if (divergence.isEmpty()) {
                listener.info("source and target cluster are on the same timeline");
                return new Result(target, other, Optional.empty(), wal, Optional.empty());
            }
            RelayWal relay = request.relay().isEmpty() ? null : new RelayWal(request.relay().get(), target, directory, other, source);
            WalElsewhere elsewhere = relay == null ? restored : restored.or(relay.targets(divergence.get()));
            try (PgWal all = targetWal(target, elsewhere)) {
                OneIndex index = new OneIndex(request.relay().map(HeldWal::each).orElse(List.of()), target.history());
                AskedAhead targets = new AskedAhead(index);
                HeldChanges held = new IndexIfAny(targets, listener);
                // What an archive has of it may be other bytes than the relay's.
                ProvenSegments.Absent absent = () -> !request.restoreTargetWal() && relay != null && holdsTargets(relay, index);
                TargetWal changes = new TargetWal(all, local, target.identity(), held, new ProvenSegments(held, local, absent, ours.segmentSize()));
                Optional<RewindPlan> plan = plan(target, other, divergence.get(), changes, targets, sameNumber, Optional.ofNullable(relay));
                time.done("plan");
                return new Result(target, other, plan, wal, Optional.ofNullable(relay));
            }
        }
    }

    /** Where that can't be said now, it is read from the relay record by record, or not at all. */
    private boolean holdsTargets(RelayWal relay, OneIndex index) {
        try {
            return relay.targetsHolder().filter(index::isOf).isPresent();
        } catch (IOException e) {
            listener.debug("could not compare the relay's WAL with the target's: %s".formatted(e.getMessage()));
            return false;
        }
    }

    private PgWal targetWal(Side target, WalElsewhere elsewhere) {
        return new PgWal(directory.path().resolve("pg_wal"), target.history(), target.control().segmentSize(), elsewhere);
    }

    /** Of the one relay that is proved to follow the source. */
    private HeldChanges sourcesIndex(Side other) {
        return request.relay().map(relay -> relay.each().getFirst().changesAlong(other.history())).orElse(HeldChanges.NONE);
    }

    private byte[] sourceFile(String path) throws IOException, RefusedException {
        return source.read(path).orElseThrow(() -> new RefusedException("the source, %s, has no file %s".formatted(source.describe(), path)));
    }

    private WalElsewhere restored(int major, ControlFile control) throws IOException, RefusedException {
        // No WAL is copied, and it is not made to stream.
        boolean onlyWay = request.relay().isPresent() && request.standbyOf().isEmpty();
        if (!request.restoreTargetWal() && !onlyWay) {
            return WalElsewhere.NOWHERE;
        }
        String command = ServerProgram.find(major, request.environment()).setting("restore_command", request.target(), request.configFile());
        if (onlyWay && command.isBlank()) {
            throw new RefusedException("with --relay no WAL is copied, and the target has no restore_command by which it could get it",
                    "Give -R, so that it streams from the relay; or set restore_command in its configuration, which --config-file names where it lies elsewhere.");
        }
        if (!request.restoreTargetWal()) {
            return WalElsewhere.NOWHERE;
        }
        RestoredWal.requireUsable(command);
        listener.debug("using for rewind restore_command = '%s'".formatted(command));
        archive = new RestoredWal(command, request.target(), control.segmentSize());
        return archive;
    }

    private Map<String, Path> restoredSegments() {
        return archive == null ? Map.of() : archive.segments();
    }

    @Override
    public void close() throws IOException {
        if (archive != null) {
            archive.close();
        }
    }

    private TimelineHistory targetHistory(TimelineId timeline, WalElsewhere restored) throws IOException, RefusedException {
        if (timeline.equals(new TimelineId(1))) {
            return TimelineHistory.root(timeline);
        }
        String path = Histories.path(timeline);
        Optional<byte[]> content = directory.readIfThere(path);
        if (content.isEmpty()) {
            content = request.relay().map(relay -> restored.or(relay.histories())).orElse(restored).read(Path.of(path).getFileName().toString());
        }
        return Histories.parse(timeline, content.orElseThrow(() -> new RefusedException(
                "the target has no history of its timeline %s: %s is missing".formatted(timeline, path),
                "Where it is archived, --restore-target-wal finds it; where a relay has it, --relay does.")));
    }

    private TimelineHistory sourceHistory(TimelineId timeline) throws IOException, RefusedException {
        return Histories.read(source, timeline)
                .orElseThrow(() -> new RefusedException("the source has no history of its timeline %s".formatted(timeline)));
    }

    private Optional<RewindPlan> plan(
            Side target, Side other, Divergence divergence, TargetWal changes, AskedAhead targets, SameNumber sameNumber, Optional<RelayWal> relay)
            throws IOException, RefusedException {
        Lsn fork = divergence.fork();
        listener.info("servers diverged at WAL location %s on timeline %s".formatted(fork, divergence.timeline()));
        time.done("check");
        Lsn end = changes.end(target.control());
        time.done("target_end");
        // A primary that crashed has to recover, which would write WAL of its own; as a follower it must not.
        if (end.isAtMost(fork) && (target.control().state().isCleanlyStopped() || target.control().state() == ClusterState.IN_ARCHIVE_RECOVERY)) {
            return Optional.empty();
        }
        if (relay.isPresent()) {
            relay.get().requireSources();
            time.done("relay");
        }
        ReplayStart checkpoint = changes.lastCheckpointBefore(Lsn.min(fork, end));
        requireShared(checkpoint, divergence, sameNumber);
        listener.info("rewinding from last common checkpoint at %s on timeline %s".formatted(checkpoint.checkpoint(), checkpoint.timeline()));
        time.done("checkpoint");
        ReplayStart start = ReplayStart.oldest(candidates(checkpoint, target.control(), other.control()));
        listener.debug("replay will start at %s".formatted(start));
        // Both will be needed, nearly always; the relay looks while the source lists its files and the target's segments are summed up.
        AskedAhead sources = new AskedAhead(sourcesIndex(other));
        if (relay.isPresent()) {
            targets.ask(start.redo(), Optional.of(end));
            sources.ask(start.redo(), Optional.empty());
        }
        listener.debug("reading source file list");
        try (Ahead<List<FileEntry>> sourceFiles = Ahead.ask("which files the source has", source::files)) {
            listener.debug("reading target file list");
            var targetFiles = directory.files();
            time.done("files");
            // What is read now may take long, and would be in vain.
            sourceFiles.requireNoFault();
            listener.debug("reading WAL in target");
            TargetWal.Found found = changes.changes(start.redo(), end, target.control().blocksPerFile());
            BlockMap changed = found.changed();
            time.done("target_wal");
            sourceFiles.requireNoFault();
            addWhatTheLastRewindLeft(target, changed);
            Optional<WholePages> whole = wholePages(start.redo(), other, new IndexIfAny(sources, listener), found);
            time.done("source_wal");
            RewindPlan.Facts facts = new RewindPlan.Facts(target, other, divergence, checkpoint, start, end, changed, whole, restoredSegments());
            return Optional.of(decide(facts, sourceFiles.get(), targetFiles));
        }
    }

    private RewindPlan decide(RewindPlan.Facts facts, List<FileEntry> sourceFiles, List<FileEntry> targetFiles) throws IOException, RefusedException {
        time.done("files");
        Side target = facts.target();
        RewindPlan plan = RewindPlan.decide(facts, sourceFiles, targetFiles, scope(target.major()));
        PlanCheck check = new PlanCheck(plan, listener);
        check.requireWal(target.major(), Optional.ofNullable(archive));
        check.requireFreeTablespaces(new RelationPath.Names(target.major(), target.control().catalogVersion()));
        return plan;
    }

    /** A server that is not consistent yet has blocks that only the replay will write. */
    private void addWhatTheLastRewindLeft(Side target, BlockMap changed) throws IOException, RefusedException {
        ControlFile control = target.control();
        boolean surelyBefore = label().isPresent() || control.awaitsConsistency();
        boolean recovers = control.state() == ClusterState.IN_ARCHIVE_RECOVERY || control.state() == ClusterState.SHUTDOWNED_IN_RECOVERY;
        Optional<LastRewind> last = surelyBefore || recovers ? LastRewind.read(directory.path()) : Optional.empty();
        // What the control file says of a backup is not enough: the end of any base backup that began at the same checkpoint clears it.
        if (last.isPresent() && (surelyBefore || control.minRecoveryPoint().isAtMost(SkippedBlocks.replayEnd(last.get().body())))) {
            SkippedBlocks.addTo(changed, last.get().body(), new RelationPath.Names(target.major(), target.control().catalogVersion()));
        }
    }

    private Optional<WholePages> wholePages(Lsn start, Side other, HeldChanges held, TargetWal.Found target) throws IOException, RefusedException {
        listener.debug("reading WAL that will be replayed");
        int blocksPerFile = other.control().blocksPerFile();
        Optional<WholePages> indexed = held.changes(start, Optional.empty()).map(changes -> WholePages.of(changes, start, blocksPerFile));
        Optional<WholePages> whole = indexed.isPresent() || tooMuch(start, other, target.changed()) ? indexed : Optional.of(read(start, other, blocksPerFile));
        int segments = whole.map(pages -> other.control().segmentSize().segments(start, pages.end())).orElse(0);
        wal = new WalUse(target.indexed(), target.read(), indexed.isPresent() ? segments : 0, indexed.isPresent() ? 0 : segments);
        return whole;
    }

    /** To read much WAL for few blocks would be to fetch more, not less. */
    private boolean tooMuch(Lsn start, Side other, BlockMap changed) {
        return request.relay().isEmpty() || other.control().checkpoint().minus(start) > Math.max(FEW, 2 * BLOCK * changed.size());
    }

    private WholePages read(Lsn start, Side other, int blocksPerFile) throws IOException, RefusedException {
        try (PgWal held = new PgWal(null, other.history(), other.control().segmentSize(), request.relay().orElseThrow().each().getFirst().along(other.history()))) {
            return WholePages.read(held, other.identity(), start, blocksPerFile);
        }
    }

    private Scope scope(int major) {
        return new Scope(request.relay().isEmpty(), major < Scope.STREAMS_FROM_REDO, request.copyConfiguration() || request.relay().isEmpty());
    }

    /** As the histories say; but what they share, two servers may still have taken for themselves under one number. */
    private Optional<Divergence> divergence(Side target, Side other, SameNumber sameNumber) throws IOException, RefusedException {
        Optional<Divergence> byHistory = Divergence.between(target.history(), other.history());
        SameNumber.Finding found = sameNumber.check(byHistory.map(Divergence::common).orElse(target.history()));
        if (found.different().isPresent()) {
            TimelineHistory timeline = found.different().get();
            listener.info("source and target cluster are both on timeline %s, but each has its own".formatted(timeline.timeline()));
            return Optional.of(Divergence.whereTheTimelineBegins(timeline));
        }
        if (!found.proven() && byHistory.isEmpty()) {
            warnNotChecked(target.history().timeline());
        }
        return byHistory;
    }

    private void warnNotChecked(TimelineId timeline) {
        listener.info("warning: not checked whether timeline %s is the same one on both servers: there is no WAL of it that both still have".formatted(timeline));
    }

    /** What both share must be equal, byte by byte: else they are no servers of one history, whatever their files say. */
    private void requireShared(ReplayStart checkpoint, Divergence divergence, SameNumber sameNumber) throws IOException, RefusedException {
        switch (sameNumber.checkpoint(checkpoint.checkpoint())) {
            case SAME -> {}
            case DIFFERENT -> throw new RefusedException(
                    "the source's WAL differs from the target's at %s, before the fork at %s: they do not share timeline %s"
                            .formatted(checkpoint.checkpoint(), divergence.fork(), checkpoint.timeline()),
                    "One of the two wrote without having been promoted, or both took one timeline's number: take a new base backup.");
            case NOT_CHECKED -> {
                if (!sameNumber.check(divergence.common()).proven()) {
                    warnNotChecked(divergence.timeline());
                }
            }
        }
    }

    private List<ReplayStart> candidates(ReplayStart checkpoint, ControlFile target, ControlFile other) throws IOException, RefusedException {
        List<ReplayStart> candidates = new ArrayList<>();
        candidates.add(checkpoint);
        candidates.add(new ReplayStart(other.redo(), other.checkpoint(), other.checkpointTimeline(), ReplayStart.Reason.SOURCE));
        Optional<BackupLabel> label = label();
        if (label.isPresent()) {
            candidates.add(unfinished(label.get()));
        } else if (target.state() != ClusterState.SHUTDOWNED) {
            candidates.add(new ReplayStart(target.redo(), target.checkpoint(), target.checkpointTimeline(), ReplayStart.Reason.TARGET));
        }
        return candidates;
    }

    private Optional<BackupLabel> label() throws IOException {
        return directory.readIfThere(BackupLabel.PATH).flatMap(bytes -> BackupLabel.parse(new String(bytes, StandardCharsets.UTF_8)));
    }

    /** A target whose last rewind was never replayed: its control file is that rewind's source's, and where it starts says the label. */
    private ReplayStart unfinished(BackupLabel label) throws RefusedException {
        if (!label.method().equals(BackupLabel.REWOUND) || label.checkpoint().isEmpty()) {
            throw new RefusedException("the target is a base backup (%s) that was never recovered: it has a backup_label".formatted(label.label()),
                    "Start it once as a standby and stop it, or take a new base backup.");
        }
        return new ReplayStart(label.start(), label.checkpoint().get(), label.timeline(), ReplayStart.Reason.TARGET);
    }
}
