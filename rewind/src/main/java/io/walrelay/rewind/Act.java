package io.walrelay.rewind;

import io.walrelay.rewind.datadir.BackupLabel;
import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.DataDirectory;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.LastRewind;
import io.walrelay.rewind.journal.Touch;
import io.walrelay.rewind.plan.FileAction;
import io.walrelay.rewind.plan.ReplayStart;
import io.walrelay.rewind.plan.RewindPlan;
import io.walrelay.rewind.source.ControlFiles;
import io.walrelay.rewind.source.RewindSource;
import io.walrelay.rewind.source.RewindSource.Fetch;
import io.walrelay.rewind.source.RewindSource.ReplayEnd;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Does what a plan says, to the letter. Used once. */
final class Act {

    /** Of old bytes that one fsync of the journal makes durable, and of new ones that are asked for at once. */
    private static final long GROUP = 256L << 20;

    /** The link to one. */
    private static final Pattern TABLESPACE = Pattern.compile("pg_tblspc/[^/]+");

    /** Bytes of a file that are cleared, or copied on this machine, at once. */
    private static final int PIECE = 1 << 20;

    private static final String CONFIGURATION = "postgresql.auto.conf";
    static final String STANDBY_SIGNAL = "standby.signal";

    private final RewindPlan plan;
    private final RewindSource source;
    private final DirectoryChange change;
    private final RewindListener listener;
    private final DataDirectory target;
    private final Set<PosixFilePermission> fileMode;
    private final Set<PosixFilePermission> directoryMode;

    /** What the source removed while it was copied. */
    private final Set<String> absent = new HashSet<>();

    /** Tablespaces that only the source has, with a slash after them. */
    private final List<String> newLinks;

    /** Bytes in all, added up once: a plan may have a million ranges. */
    private final long expected;

    private long fetched;
    private Optional<ReplayEnd> replayEnd = Optional.empty();

    /**
     * How far the source is when all is fetched.
     *
     * @param written what it has surely written
     * @param replay what has to be replayed before the target is consistent
     */
    record SourceEnd(ControlFile control, Lsn written, ReplayEnd replay) {}

    Act(RewindPlan plan, RewindSource source, DirectoryChange change, DataDirectory target, RewindListener listener) throws IOException {
        this.plan = plan;
        this.source = source;
        this.change = change;
        this.listener = listener;
        this.target = target;
        this.fileMode = target.fileMode();
        this.directoryMode = target.directoryMode();
        this.expected = plan.bytesToFetch();
        this.newLinks = plan.actions().stream().filter(action -> action instanceof FileAction.MakeLink).map(action -> action.path() + "/").toList();
    }

    /** Bytes that came from the source so far. */
    long fetched() {
        return fetched;
    }

    /** How far the target will replay before it is consistent; empty before {@link #recovery}. */
    Optional<ReplayEnd> replayEnd() {
        return replayEnd;
    }

    void files() throws IOException, RefusedException {
        List<FileAction> group = new ArrayList<>();
        long bytes = 0;
        for (FileAction action : unequal()) {
            long cost = action.fetched() + action.overwritten();
            if (!group.isEmpty() && (bytes + cost > GROUP || isConfiguration(action) != isConfiguration(group.getLast()))) {
                run(group);
                group.clear();
                bytes = 0;
            }
            group.add(action);
            bytes += cost;
        }
        run(group);
    }

    /** What is to be done, but for what is there already. Behind a link that comes is another place than now. */
    private List<FileAction> unequal() throws IOException, RefusedException {
        EqualFiles files = new EqualFiles(target, source);
        Set<String> equal = files.among(plan.actions().stream().filter(action -> !isBehindLink(action)).toList());
        for (String path : equal) {
            change.keep(path);
        }
        fetched += files.fetched();
        return plan.actions().stream().filter(action -> !equal.contains(action.path())).toList();
    }

    /** By themselves: what is announced to go is gone at once, and they may include it. */
    private static boolean isConfiguration(FileAction action) {
        return action instanceof FileAction.Rewrite;
    }

    private void run(List<FileAction> all) throws IOException, RefusedException {
        // What an earlier group found to be gone from the source is gone here as well.
        List<FileAction> group = all.stream().filter(action -> !absent.contains(action.path())).toList();
        source.fetch(group.stream().flatMap(Act::wanted).toList(), new RewindSource.Sink() {
            // The journal is written and synced while the source reads.
            @Override
            public void prepare() throws IOException {
                change.announce(group.stream().filter(action -> !isBehindLink(action)).flatMap(Act::touches).toList());
                for (FileAction action : group) {
                    begin(action);
                }
            }

            @Override
            public void bytes(String path, long offset, ByteBuffer bytes) throws IOException {
                write(path, offset, bytes);
            }

            @Override
            public void absent(String path) throws IOException {
                gone(path);
            }
        });
        change.syncBehind();
    }

    /**
     * Links of tablespaces that come or go, and what is behind those that come: where a path leads then is known only when it is done, so
     * these few are not announced.
     */
    private boolean isBehindLink(FileAction action) {
        return TABLESPACE.matcher(action.path()).matches() || newLinks.stream().anyMatch(link -> action.path().startsWith(link));
    }

    private static Stream<Touch> touches(FileAction action) {
        return switch (action) {
            case FileAction.MakeDirectory(var path) -> Stream.of(new Touch.Name(path));
            case FileAction.MakeLink(var path, _) -> Stream.of(new Touch.Name(path));
            case FileAction.Copy(var path, _) -> Stream.of(new Touch.Name(path));
            case FileAction.Rewrite(var path, var from, _) -> Stream.of(new Touch.Bytes(path, 0, from));
            case FileAction.Install(var path, _, _, _) -> Stream.of(new Touch.Name(path));
            case FileAction.CopyTail(var path, var from, var to) -> Stream.of(new Touch.Bytes(path, from, to - from));
            case FileAction.CopyBlocks(var path, var ranges) -> ranges.stream().map(range -> new Touch.Bytes(path, range.offset(), range.length()));
            case FileAction.Truncate(var path, _, var to) -> Stream.of(new Touch.Length(path, to));
            case FileAction.Clear(var path, var from, var to) -> Stream.of(new Touch.Bytes(path, from, to - from));
            case FileAction.Remove(var path) -> Stream.of(new Touch.Name(path));
        };
    }

    private static Stream<Fetch> wanted(FileAction action) {
        return switch (action) {
            case FileAction.Copy(var path, var size) -> Stream.of(new Fetch(path, 0, size, true));
            case FileAction.CopyTail(var path, var from, var to) -> Stream.of(new Fetch(path, from, to - from, false));
            case FileAction.CopyBlocks(var path, var ranges) -> ranges.stream().map(range -> new Fetch(path, range.offset(), range.length(), false));
            case FileAction.MakeDirectory _, FileAction.MakeLink _, FileAction.Rewrite _, FileAction.Install _, FileAction.Truncate _, FileAction.Clear _, FileAction.Remove _ -> Stream.empty();
        };
    }

    /** Does what has to be done before bytes come, which may be all. */
    private void begin(FileAction action) throws IOException {
        switch (action) {
            case FileAction.MakeDirectory(var path) -> change.createDirectory(path, directoryMode);
            case FileAction.MakeLink(var path, var target) -> change.createLink(path, Path.of(target));
            case FileAction.Copy(var path, _) -> change.replace(path, fileMode).close();
            case FileAction.Rewrite(var path, _, _) -> rewrite(path);
            case FileAction.Install install -> install(install);
            case FileAction.CopyTail _, FileAction.CopyBlocks _ -> {}
            case FileAction.Truncate(var path, _, var to) -> change.truncate(path, to);
            case FileAction.Clear(var path, var from, var to) -> clear(path, from, to);
            case FileAction.Remove(var path) -> change.remove(path);
        }
    }

    /** The rest of a segment may be all but 1 GB. */
    private void clear(String path, long from, long to) throws IOException {
        for (long at = from; at < to; at += PIECE) {
            change.overwrite(path, at, ByteBuffer.allocate((int) Math.min(PIECE, to - at)));
        }
    }

    private void rewrite(String path) throws IOException {
        Optional<byte[]> theirs = source.read(path);
        if (theirs.isEmpty()) {
            gone(path);
            return;
        }
        write(path, 0, ByteBuffer.wrap(theirs.get()));
        change.truncate(path, theirs.get().length);
    }

    private void install(FileAction.Install install) throws IOException {
        try (FileChannel from = FileChannel.open(install.from(), StandardOpenOption.READ);
                DirectoryChange.NewFile file = change.replace(install.path(), fileMode)) {
            for (long at = 0; at < install.size(); ) {
                ByteBuffer piece = ByteBuffer.allocate((int) Math.min(PIECE, install.size() - at));
                piece.limit(Math.clamp(install.until() - at, 0, piece.capacity()));
                while (piece.hasRemaining() && from.read(piece, at + piece.position()) > 0) {
                    // Until all is there; it has its full size.
                }
                at += piece.capacity();
                file.write(piece.clear());
            }
        }
    }

    private void write(String path, long offset, ByteBuffer bytes) throws IOException {
        if (absent.contains(path)) {
            return;
        }
        fetched += bytes.remaining();
        change.overwrite(path, offset, bytes);
        listener.progress(fetched, expected);
    }

    private void gone(String path) throws IOException {
        if (absent.add(path)) {
            listener.debug("file \"%s\" has been deleted on the source".formatted(path));
            change.remove(path);
        }
    }

    /** @param before the source's control file as it was before anything was copied */
    SourceEnd sourceEnd(ControlFile before) throws IOException, RefusedException {
        ControlFile after = ControlFiles.read(source);
        if (!after.systemId().equals(before.systemId())) {
            throw new RefusedException("the source became another cluster while it was copied: its system identifier was %s and is %s".formatted(before.systemId(), after.systemId()));
        }
        if (!after.timeline().equals(before.timeline())) {
            throw new RefusedException("the source went from timeline %s to %s while it was copied".formatted(before.timeline(), after.timeline()), "Run this again.");
        }
        ReplayEnd end = source.replayEnd(before, after);
        Lsn written = end.position();
        if (plan.replayAtLeast().isAfter(end.position())) {
            // A standby may be behind the relay.
            end = new ReplayEnd(plan.replayAtLeast(), after.timeline());
        }
        return new SourceEnd(after, written, end);
    }

    /** From where and how far to replay. The control file is the last: a server that finds it finds all else done. */
    void recovery(SourceEnd end) throws IOException, RefusedException {
        if (plan.skipped().size() > 0) {
            new LastRewind(plan.skipped().encode(end.replay().position())).write(change);
        }
        ReplayStart start = plan.replayStart();
        String label = BackupLabel.replayFrom(start.redo(), start.timeline(), start.checkpoint(), end.control().segmentSize(), ZonedDateTime.now(ZoneId.systemDefault()));
        replace(BackupLabel.PATH, label.getBytes(StandardCharsets.UTF_8));
        replace(ControlFile.PATH, end.control().inRecoveryUpTo(end.replay().position(), end.replay().timeline()).bytes());
        replayEnd = Optional.of(end.replay());
    }

    /**
     * The configuration with which servers may start again.
     *
     * @param copied whether it is the source's
     */
    byte[] configuration(Optional<String> standbyOf, boolean copied) throws IOException, RefusedException {
        byte[] kept = (copied ? source.read(CONFIGURATION) : change.configuration()).orElse(new byte[0]);
        if (DirectoryChange.isOfUnfinished(kept)) {
            throw new RefusedException("the source's %s is that of a directory which is half changed by a rewind: no server would start with it".formatted(CONFIGURATION),
                    "Finish that rewind first, or undo it.");
        }
        if (standbyOf.isEmpty()) {
            return kept;
        }
        replace(STANDBY_SIGNAL, new byte[0]);
        return StandbySettings.append(kept, standbyOf.get());
    }

    private void replace(String path, byte[] content) throws IOException {
        try (DirectoryChange.NewFile file = change.replace(path, fileMode)) {
            file.write(ByteBuffer.wrap(content));
        }
    }
}
