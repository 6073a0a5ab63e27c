package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.FileEntry;
import io.walrelay.rewind.datadir.FileEntry.Kind;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.RelationPath;
import io.walrelay.rewind.plan.FileAction.Clear;
import io.walrelay.rewind.plan.FileAction.Copy;
import io.walrelay.rewind.plan.FileAction.CopyBlocks;
import io.walrelay.rewind.plan.FileAction.CopyTail;
import io.walrelay.rewind.plan.FileAction.Install;
import io.walrelay.rewind.plan.FileAction.MakeDirectory;
import io.walrelay.rewind.plan.FileAction.MakeLink;
import io.walrelay.rewind.plan.FileAction.Range;
import io.walrelay.rewind.plan.FileAction.Remove;
import io.walrelay.rewind.plan.FileAction.Rewrite;
import io.walrelay.rewind.plan.FileAction.Truncate;
import io.walrelay.wal.SegmentId;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Decides for each file (pg_rewind: filemap.c, decide_file_action). Relations' main forks are compared by size and by the blocks that the
 * target's WAL names, if it did not make the file anew; all else that both have is copied whole, since WAL does not say all that changes it.
 *
 * <p>Used once.
 */
final class FileMap {

    /** Whoever makes the change has its own use for these: by them servers are kept from starting. */
    private static final Set<String> OF_THE_CHANGE = Set.of("postgresql.auto.conf", "postmaster.pid");

    /** How names of files end that servers read when they start: postgresql.conf, and what is included there. */
    private static final String CONFIGURATION = ".conf";

    private static final int BLOCK = 8192;

    private final Map<String, FileEntry> source;
    private final Map<String, FileEntry> target;
    private final BlockMap changed;
    private final Optional<WholePages> whole;
    private final RelationPath.Names names;
    private final WalRules wal;
    private final Map<String, Path> restored;
    private final Scope scope;
    private final List<FileAction> actions = new ArrayList<>();
    private final List<String> kept = new ArrayList<>();
    private final List<String> missing = new ArrayList<>();
    private final Map<String, BitSet> skipped = new HashMap<>();

    /** @param restored segments of the target's from its archive, by name */
    FileMap(
            Map<String, FileEntry> source, Map<String, FileEntry> target, BlockMap changed, Optional<WholePages> whole, RelationPath.Names names, WalRules wal,
            Map<String, Path> restored, Scope scope) {
        this.source = source;
        this.target = target;
        this.changed = changed;
        this.whole = whole;
        this.names = names;
        this.wal = wal;
        this.restored = restored;
        this.scope = scope;
    }

    /** By path. @throws RefusedException when two files under one path can't be made equal */
    static Map<String, FileEntry> byPath(String whose, List<FileEntry> files, RelationPath.Names names) throws RefusedException {
        Map<String, FileEntry> byPath = new HashMap<>();
        for (FileEntry file : files) {
            // Where pg_wal lies is each server's own.
            FileEntry entry = file.path().equals("pg_wal") ? FileEntry.directory(file.path()) : file;
            if (entry.kind() != Kind.REGULAR && names.parse(entry.path()).isPresent()) {
                throw new RefusedException("data file \"%s\" in %s is not a regular file".formatted(entry.path(), whose));
            }
            if (byPath.put(entry.path(), entry) != null) {
                throw new RefusedException("duplicate %s file \"%s\"".formatted(whose, entry.path()));
            }
        }
        return byPath;
    }

    /** In the order in which they can be done. */
    List<FileAction> decide() throws RefusedException {
        TreeSet<String> paths = new TreeSet<>(source.keySet());
        paths.addAll(target.keySet());
        for (String path : paths) {
            decide(path, source.get(path), target.get(path));
        }
        if (scope.copiesWal() || scope.needsWalBeforeFork()) {
            installMissing();
        }
        return ordered();
    }

    /** The target's own WAL that stays, since recovery needs it. */
    List<String> kept() {
        return kept;
    }

    /** Of the target's files that are removed or replaced as a whole. */
    long replacedBytes() {
        return actions.stream()
                .filter(action -> action instanceof Copy || action instanceof Install || action instanceof Remove)
                .map(action -> target.get(action.path()))
                .filter(Objects::nonNull)
                .mapToLong(FileEntry::size)
                .sum();
    }

    /** Segments without which nobody comes to the fork. */
    List<String> missing() {
        return missing;
    }

    /** Blocks that are left to the replay. */
    SkippedBlocks skipped() {
        return new SkippedBlocks(skipped);
    }

    private void decide(String path, @Nullable FileEntry theirs, @Nullable FileEntry ours) throws RefusedException {
        if (path.equals(ControlFile.PATH) || OF_THE_CHANGE.contains(path) || path.contains(".DS_Store")) {
            return;
        }
        if (Exclusions.covers(path)) {
            if (ours != null) {
                actions.add(new Remove(path));
            }
            return;
        }
        if (!scope.configuration() && !Scope.isData(path)) {
            return;
        }
        if (!scope.copiesWal() && WalRules.isFile(path)) {
            stream(path, theirs, ours);
        } else if (theirs == null) {
            leave(path);
        } else if (ours == null) {
            create(theirs);
        } else {
            update(theirs, ours);
        }
    }

    /** A file of pg_wal, when the rewound server streams. It finds its way by the histories; what comes before the fork may stay. */
    private void stream(String path, @Nullable FileEntry theirs, @Nullable FileEntry ours) {
        if (WalRules.isDirectory(theirs, ours)) {
            return;
        }
        if (theirs != null && WalRules.isHistory(path)) {
            actions.add(new Copy(path, theirs.size()));
        } else if (ours != null && wal.isUsable(path)) {
            keep(path, ours);
        } else if (theirs != null && scope.needsWalBeforeFork() && wal.isBeforeFork(path)) {
            actions.add(new Copy(path, theirs.size()));
        } else if (ours != null && !wal.isOlder(path)) {
            actions.add(new Remove(path));
        }
    }

    /** What neither has before the fork: the rewound server would ask the source for it, in vain. */
    private void installMissing() {
        for (SegmentId segment : wal.missingBeforeFork(target, scope.copiesWal())) {
            String name = wal.fileName(segment);
            Path from = restored.get(name);
            if (from == null) {
                missing.add(name);
            } else {
                actions.add(new Install("pg_wal/" + name, from, wal.orphanFrom("pg_wal/" + name).orElse(wal.segmentBytes()), wal.segmentBytes()));
            }
        }
    }

    /** Only the target has it. */
    private void leave(String path) {
        if (!wal.isNeeded(path)) {
            actions.add(new Remove(path));
            return;
        }
        FileEntry file = target.get(path);
        if (file != null) {
            keep(path, file);
        }
    }

    private void keep(String path, FileEntry file) {
        kept.add(path);
        wal.orphanFrom(path).ifPresent(from -> actions.add(new Clear(path, from, file.size())));
    }

    private void create(FileEntry theirs) {
        switch (theirs.kind()) {
            case DIRECTORY -> actions.add(new MakeDirectory(theirs.path()));
            case SYMLINK -> actions.add(new MakeLink(theirs.path(), theirs.linkTarget().orElseThrow()));
            case REGULAR -> {
                if (!wal.isOlder(theirs.path())) {
                    actions.add(new Copy(theirs.path(), theirs.size()));
                }
            }
        }
    }

    private void update(FileEntry theirs, FileEntry ours) throws RefusedException {
        String path = theirs.path();
        if (theirs.kind() != ours.kind()) {
            throw new RefusedException("file \"%s\" is of different type in source and target".formatted(path));
        }
        if (theirs.kind() != Kind.REGULAR || path.endsWith("PG_VERSION") || wal.isOlder(path)) {
            return;
        }
        if (wal.isShared(ours) && ours.size() == theirs.size()) {
            kept.add(path);
            return;
        }
        if (path.endsWith(CONFIGURATION)) {
            actions.add(new Rewrite(path, ours.size(), theirs.size()));
            return;
        }
        Optional<RelationPath> relation = names.parse(path);
        if (relation.isEmpty() || changed.isNew(relation.get())) {
            actions.add(new Copy(path, theirs.size()));
            return;
        }
        List<Range> ranges = ranges(toFetch(relation.get(), path, Math.min(theirs.size(), ours.size())));
        if (!ranges.isEmpty()) {
            actions.add(new CopyBlocks(path, ranges));
        }
        if (ours.size() < theirs.size()) {
            actions.add(new CopyTail(path, ours.size(), theirs.size()));
        } else if (ours.size() > theirs.size()) {
            actions.add(new Truncate(path, ours.size(), theirs.size()));
        }
    }

    /** Blocks past {@code end} are cut off, or come with the tail. */
    private BitSet toFetch(RelationPath relation, String path, long end) {
        BitSet blocks = changed.of(relation, (int) (end / BLOCK));
        if (whole.isPresent()) {
            BitSet written = whole.get().blocks().of(relation);
            written.and(blocks);
            blocks.andNot(written);
            if (!written.isEmpty()) {
                skipped.put(path, written);
            }
        }
        return blocks;
    }

    /** Neighbours as one. */
    private static List<Range> ranges(BitSet blocks) {
        List<Range> ranges = new ArrayList<>();
        for (int from = blocks.nextSetBit(0); from >= 0; ) {
            int to = blocks.nextClearBit(from);
            ranges.add(new Range((long) from * BLOCK, (long) (to - from) * BLOCK));
            from = blocks.nextSetBit(to);
        }
        return ranges;
    }

    /** Directories before what is in them; configuration late; what goes, goes last, and a directory as a whole. */
    private List<FileAction> ordered() {
        List<FileAction> ordered = new ArrayList<>();
        for (int stage = 0; stage < STAGES; stage++) {
            for (FileAction action : actions) {
                if (stage(action) == stage) {
                    ordered.add(action);
                }
            }
        }
        // What is behind a link can't be reached without it.
        actions.reversed().stream().filter(action -> action instanceof Remove && !isInRemovedDirectory(action.path())).forEach(ordered::add);
        return ordered;
    }

    /** Before removals. */
    private static final int STAGES = 5;

    private static int stage(FileAction action) {
        return switch (action) {
            case MakeDirectory _, MakeLink _ -> 0;
            case Copy _, Install _ -> 1;
            case CopyTail _, CopyBlocks _ -> 2;
            case Truncate _, Clear _ -> 3;
            case Rewrite _ -> 4;
            case Remove _ -> STAGES;
        };
    }

    private boolean isInRemovedDirectory(String path) {
        for (int slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
            String parent = path.substring(0, slash);
            FileEntry ours = target.get(parent);
            if (ours != null && ours.kind() == Kind.DIRECTORY && !source.containsKey(parent)) {
                return true;
            }
        }
        return false;
    }
}
