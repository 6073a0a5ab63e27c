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
import io.walrelay.rewind.source.RewindSource;
import io.walrelay.rewind.source.RewindSource.Fetch;
import io.walrelay.rewind.source.RewindSource.ReplayEnd;
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
import java.util.stream.Stream;

/** Does what a plan says, to the letter. Used once. */
final class Act {

    /** Of old bytes that one fsync of the journal makes durable, and of new ones that are asked for at once. */
    private static final long GROUP = 256L << 20;

    /** Of a file of this machine that is copied. */
    private static final int PIECE = 1 << 20;

    private static final String CONFIGURATION = "postgresql.auto.conf";
    private static final String STANDBY_SIGNAL = "standby.signal";

    private final RewindPlan plan;
    private final RewindSource source;
    private final DirectoryChange change;
    private final RewindListener listener;
    private final Set<PosixFilePermission> fileMode;
    private final Set<PosixFilePermission> directoryMode;

    /** What the source removed while it was copied. */
    private final Set<String> absent = new HashSet<>();

    private long fetched;

    Act(RewindPlan plan, RewindSource source, DirectoryChange change, DataDirectory target, RewindListener listener) throws IOException {
        this.plan = plan;
        this.source = source;
        this.change = change;
        this.listener = listener;
        this.fileMode = target.fileMode();
        this.directoryMode = target.directoryMode();
    }

    /** Bytes that came from the source so far. */
    long fetched() {
        return fetched;
    }

    void files() throws IOException, RefusedException {
        List<FileAction> group = new ArrayList<>();
        long bytes = 0;
        for (FileAction action : plan.actions()) {
            long cost = action.fetched() + action.overwritten();
            if (!group.isEmpty() && bytes + cost > GROUP) {
                run(group);
                group.clear();
                bytes = 0;
            }
            group.add(action);
            bytes += cost;
        }
        run(group);
    }

    private void run(List<FileAction> group) throws IOException, RefusedException {
        change.announce(group.stream().flatMap(Act::touches).toList());
        List<Fetch> wanted = new ArrayList<>();
        for (FileAction action : group) {
            begin(action, wanted);
        }
        source.fetch(wanted, new RewindSource.Sink() {
            @Override
            public void bytes(String path, long offset, ByteBuffer bytes) throws IOException {
                write(path, offset, bytes);
            }

            @Override
            public void absent(String path) throws IOException {
                gone(path);
            }
        });
    }

    private static Stream<Touch> touches(FileAction action) {
        return switch (action) {
            case FileAction.MakeDirectory(var path) -> Stream.of(new Touch.Name(path));
            case FileAction.MakeLink(var path, _) -> Stream.of(new Touch.Name(path));
            case FileAction.Copy(var path, _) -> Stream.of(new Touch.Name(path));
            case FileAction.Install(var path, _, _, _) -> Stream.of(new Touch.Name(path));
            case FileAction.CopyTail(var path, var from, var to) -> Stream.of(new Touch.Bytes(path, from, to - from));
            case FileAction.CopyBlocks(var path, var ranges) -> ranges.stream().map(range -> new Touch.Bytes(path, range.offset(), range.length()));
            case FileAction.Truncate(var path, _, var to) -> Stream.of(new Touch.Length(path, to));
            case FileAction.Clear(var path, var from, var to) -> Stream.of(new Touch.Bytes(path, from, to - from));
            case FileAction.Remove(var path) -> Stream.of(new Touch.Name(path));
        };
    }

    /** Does what needs nothing from the source, and says what is needed for the rest. */
    private void begin(FileAction action, List<Fetch> wanted) throws IOException {
        switch (action) {
            case FileAction.MakeDirectory(var path) -> change.createDirectory(path, directoryMode);
            case FileAction.MakeLink(var path, var target) -> change.createLink(path, Path.of(target));
            case FileAction.Copy(var path, var size) -> {
                change.replace(path, fileMode).close();
                wanted.add(new Fetch(path, 0, size, true));
            }
            case FileAction.Install install -> install(install);
            case FileAction.CopyTail(var path, var from, var to) -> wanted.add(new Fetch(path, from, to - from, false));
            case FileAction.CopyBlocks(var path, var ranges) -> ranges.forEach(range -> wanted.add(new Fetch(path, range.offset(), range.length(), false)));
            case FileAction.Truncate(var path, _, var to) -> change.truncate(path, to);
            case FileAction.Clear(var path, var from, var to) -> change.overwrite(path, from, ByteBuffer.allocate(Math.toIntExact(to - from)));
            case FileAction.Remove(var path) -> change.remove(path);
        }
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
        listener.progress(fetched, plan.bytesToFetch());
    }

    private void gone(String path) throws IOException {
        if (absent.add(path)) {
            listener.debug("file \"%s\" has been deleted on the source".formatted(path));
            change.remove(path);
        }
    }

    /**
     * From where and how far to replay. The control file is the last: a server that finds it finds all else done.
     *
     * @param before the source's control file as it was before anything was copied
     */
    ReplayEnd recovery(ControlFile before) throws IOException, RefusedException {
        ControlFile after = ControlFile.parse("source", source.read(ControlFile.PATH)
                .orElseThrow(() -> new RefusedException("the source's control file is gone")));
        if (!after.timeline().equals(before.timeline())) {
            throw new RefusedException("the source went from timeline %s to %s while it was copied".formatted(before.timeline(), after.timeline()), "Run this again.");
        }
        ReplayEnd end = source.replayEnd(before, after);
        if (plan.replayAtLeast().isAfter(end.position())) {
            // A standby may be behind the relay.
            end = new ReplayEnd(plan.replayAtLeast(), after.timeline());
        }
        if (plan.skipped().size() > 0) {
            new LastRewind(plan.skipped().encode()).write(change);
        }
        ReplayStart start = plan.replayStart();
        String label = BackupLabel.replayFrom(start.redo(), start.timeline(), start.checkpoint(), before.segmentSize(), ZonedDateTime.now(ZoneId.systemDefault()));
        replace(BackupLabel.PATH, label.getBytes(StandardCharsets.UTF_8));
        replace(ControlFile.PATH, after.inRecoveryUpTo(end.position(), end.timeline()).bytes());
        return end;
    }

    /**
     * The configuration with which servers may start again.
     *
     * @param copied whether it is the source's
     */
    byte[] configuration(Optional<String> standbyOf, boolean copied) throws IOException {
        byte[] kept = (copied ? source.read(CONFIGURATION) : change.configuration()).orElse(new byte[0]);
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
