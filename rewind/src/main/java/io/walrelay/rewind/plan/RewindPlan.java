package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.FileEntry;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.RelationPath;
import io.walrelay.rewind.journal.Space;
import io.walrelay.wal.Lsn;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What will be done, decided: a dry run prints it, and who does it decides nothing.
 *
 * @param lastCheckpoint the last one that both servers share
 * @param replayStart from where the rewound server will replay
 * @param targetEnd how far the target's files may reach
 * @param changedBlocks how many the target changed since the replay start
 * @param sourceBytes of all the source's files
 * @param actions in the order in which they can be done
 * @param replacedBytes of the target's files that are removed or replaced as a whole
 * @param kept the target's own WAL that recovery needs
 * @param missing segments before the fork that are nowhere and would have to be in pg_wal
 * @param gap the first segment from the fork on that the rewound server has to replay and the source has no more
 * @param skipped blocks that are left to the replay
 * @param replayAtLeast how far the replay has to go on account of these; invalid when there are none
 */
public record RewindPlan(
        Divergence divergence,
        ReplayStart lastCheckpoint,
        ReplayStart replayStart,
        Lsn targetEnd,
        long changedBlocks,
        long sourceBytes,
        List<FileAction> actions,
        long replacedBytes,
        List<String> kept,
        List<String> missing,
        Optional<String> gap,
        SkippedBlocks skipped,
        Lsn replayAtLeast) {

    public RewindPlan {
        actions = List.copyOf(actions);
        kept = List.copyOf(kept);
        missing = List.copyOf(missing);
    }

    /**
     * Decides.
     *
     * @param source the source's files, and {@code target} the target's
     * @param scope which of them it is about
     * @throws RefusedException when two files under one path can't be made equal
     */
    public static RewindPlan decide(Facts facts, List<FileEntry> source, List<FileEntry> target, Scope scope) throws RefusedException {
        Side side = facts.target();
        RelationPath.Names names = new RelationPath.Names(side.major(), side.control().catalogVersion());
        Map<String, FileEntry> theirs = FileMap.byPath("source", source, names);
        Map<String, FileEntry> ours = FileMap.byPath("target", target, names);
        WalRules wal = new WalRules(facts.replayStart().redo(), facts.divergence(), facts.targetEnd(), side.control().segmentSize(), facts.source().history(), theirs);
        FileMap map = new FileMap(theirs, ours, facts.changed(), facts.whole(), names, wal, facts.restored(), scope);
        List<FileAction> actions = map.decide();
        long bytes = source.stream().mapToLong(FileEntry::size).sum();
        return new RewindPlan(
                facts.divergence(), facts.lastCheckpoint(), facts.replayStart(), facts.targetEnd(), facts.changed().size(), bytes, actions, map.replacedBytes(), map.kept(),
                map.missing(),
                scope.copiesWal() ? wal.missingAfterFork(facts.source().control().checkpoint()).map(wal::fileName) : Optional.empty(),
                map.skipped(),
                map.skipped().size() == 0 ? Lsn.INVALID : facts.whole().map(WholePages::end).orElse(Lsn.INVALID));
    }

    /**
     * All but the files that a plan is made of.
     *
     * @param restored segments of the target's that its archive had, by name
     */
    public record Facts(
            Side target,
            Side source,
            Divergence divergence,
            ReplayStart lastCheckpoint,
            ReplayStart replayStart,
            Lsn targetEnd,
            BlockMap changed,
            Optional<WholePages> whole,
            Map<String, Path> restored) {}

    /** Bytes that will come from the source, as far as that is known. */
    public long bytesToFetch() {
        return actions.stream().mapToLong(FileAction::fetched).sum();
    }

    /** What the change costs in room. */
    public Space space() {
        long overwritten = actions.stream().mapToLong(FileAction::overwritten).sum();
        Map<String, Long> added = new HashMap<>();
        for (FileAction action : actions) {
            if (action.added() > 0) {
                added.merge(place(action.path()), action.added(), Long::sum);
            }
        }
        return new Space(overwritten, replacedBytes, added);
    }

    /** What may be a file system of its own. */
    private static String place(String path) {
        if (path.startsWith("pg_wal/")) {
            return "pg_wal";
        }
        if (path.startsWith("pg_tblspc/")) {
            int end = path.indexOf('/', "pg_tblspc/".length());
            return end < 0 ? path : path.substring(0, end);
        }
        return "";
    }

    /** A line for each file, after those about the whole. */
    public String text() {
        return """
                fork: %s on timeline %s
                last common checkpoint: %s
                replay start: %s
                end of the target's WAL: %s
                changed blocks: %d, left to the replay: %d
                bytes to fetch: %d of %d
                %s""".formatted(
                divergence.fork(), divergence.timeline(), lastCheckpoint.checkpoint(), replayStart, targetEnd, changedBlocks, skipped.size(), bytesToFetch(), sourceBytes,
                actions.stream().map(RewindPlan::line).collect(Collectors.joining("\n")));
    }

    private static String line(FileAction action) {
        return switch (action) {
            case FileAction.MakeDirectory(var path) -> "%s (CREATE)".formatted(path);
            case FileAction.MakeLink(var path, var to) -> "%s (CREATE, link to %s)".formatted(path, to);
            case FileAction.Copy(var path, var size) -> "%s (COPY, %d bytes)".formatted(path, size);
            case FileAction.Rewrite(var path, _, var size) -> "%s (REWRITE, %d bytes)".formatted(path, size);
            case FileAction.Install(var path, _, var until, _) -> "%s (INSTALL, %d bytes from the archive)".formatted(path, until);
            case FileAction.CopyTail(var path, var from, var to) -> "%s (COPY_TAIL, from %d to %d)".formatted(path, from, to);
            case FileAction.CopyBlocks blocks -> "%s (BLOCKS, %d bytes in %d ranges)".formatted(blocks.path(), blocks.fetched(), blocks.ranges().size());
            case FileAction.Truncate(var path, var from, var to) -> "%s (TRUNCATE, from %d to %d)".formatted(path, from, to);
            case FileAction.Clear(var path, var from, _) -> "%s (CLEAR, from %d on)".formatted(path, from);
            case FileAction.Remove(var path) -> "%s (REMOVE)".formatted(path);
        };
    }
}
