package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Puts into the log what is about to change and is not there yet. It counts when the log is synced. */
final class Securing {

    private final Disk disk;
    private final Journal journal;
    private final Locations locations;
    private final Originals originals;
    private final OpenFiles files;

    /** @param files to be written, through which they are read as well */
    Securing(Disk disk, Journal journal, Locations locations, OpenFiles files) {
        this.files = files;
        this.disk = disk;
        this.journal = journal;
        this.locations = locations;
        this.originals = journal.originals();
    }

    /** Neighbouring bytes of a file that follow each other are read at once. */
    void secure(Collection<? extends Touch> touches) throws IOException {
        Touch.@Nullable Bytes run = null;
        for (Touch touch : touches) {
            Touch.Bytes longer = run == null || !(touch instanceof Touch.Bytes next) ? null : joined(run, next);
            if (longer == null && run != null) {
                secure(run);
            }
            if (touch instanceof Touch.Bytes bytes) {
                run = longer == null ? bytes : longer;
            } else {
                run = null;
                secure(touch);
            }
        }
        if (run != null) {
            secure(run);
        }
    }

    private static Touch.@Nullable Bytes joined(Touch.Bytes run, Touch.Bytes next) {
        boolean follows = run.offset() + run.length() == next.offset() && run.path().equals(next.path());
        return follows ? new Touch.Bytes(run.path(), run.offset(), run.length() + next.length()) : null;
    }

    private void secure(Touch touch) throws IOException {
        Locations.Location location = locations.of(touch.path());
        if (originals.isOurs(location.path())) {
            return;
        }
        switch (touch) {
            case Touch.Bytes(String _, long offset, long length) -> secureBytes(location.path(), offset, offset + length);
            case Touch.Length(String _, long length) -> secureBytes(location.path(), length, Long.MAX_VALUE);
            case Touch.Name(String path) -> secureName(path, location);
            case Touch.Mode _ -> secureMode(location.path());
        }
    }

    private void secureBytes(Path path, long from, long to) throws IOException {
        Originals.Changed file = inPlace(path);
        long end = Math.min(to, file.file().length());
        if (from >= end) {
            return;
        }
        int endBlock = Originals.block(end + Originals.BLOCK - 1);
        int missing = file.firstMissing(Originals.block(from), endBlock);
        if (missing == endBlock) {
            return;
        }
        Disk.File content = files.get(path);
        while (missing < endBlock) {
            int held = file.firstHeld(missing, Math.min(endBlock, missing + Log.LONGEST_RUN / Originals.BLOCK));
            long offset = (long) missing * Originals.BLOCK;
            int length = (int) Math.min((long) (held - missing) * Originals.BLOCK, file.file().length() - offset);
            journal.log().appendOldBytes(path, content, offset, length);
            file.hold(missing, held);
            missing = file.firstMissing(held, endBlock);
        }
    }

    private Originals.Changed inPlace(Path path) throws IOException {
        Originals.Changed known = originals.changed(path);
        if (known != null) {
            return known;
        }
        Disk.Attributes found = disk.look(path).orElseThrow(() -> new NoSuchFileException(path.toString()));
        if (found.kind() != Disk.Kind.FILE) {
            throw new IOException("%s is no file; only files are changed where they are".formatted(path));
        }
        LogRecord.InPlace file = new LogRecord.InPlace(path, found.size(), found.mode(), found.modified());
        journal.record(file);
        Originals.Changed changed = originals.changed(path);
        if (changed == null) {
            throw new IllegalStateException("%s was recorded and is not known".formatted(path));
        }
        return changed;
    }

    private void secureName(String path, Locations.Location location) throws IOException {
        if (path.isEmpty()) {
            throw new IllegalArgumentException("the data directory itself keeps its name");
        }
        if (originals.leaving(location.path()) != null) {
            return;
        }
        boolean present = disk.look(location.path()).isPresent();
        journal.record(present
                ? new LogRecord.Kept(location.path(), journal.nextPlace(location))
                : new LogRecord.Absent(location.path()));
    }

    private void secureMode(Path path) throws IOException {
        Optional<Disk.Attributes> found = disk.look(path);
        if (found.isPresent() && found.get().kind() == Disk.Kind.DIRECTORY) {
            if (!originals.holdsMode(path)) {
                journal.record(new LogRecord.DirectoryMode(path, found.get().mode()));
            }
        } else {
            inPlace(path);
        }
    }
}
