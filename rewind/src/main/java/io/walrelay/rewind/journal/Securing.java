package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Puts into the log what is about to change and is not there yet. It counts when the log is synced. */
final class Securing {

    /** How many bytes of a file have to change before it is worth to sync directories for it. */
    private static final long LEAST_REBUILT = 1 << 18;

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

    /**
     * Neighbouring bytes of a file that follow each other are read at once.
     *
     * @return files that have to be moved out of the way: those whose names will be used, and files of which most changes
     */
    Set<Path> secure(Collection<? extends Touch> touches) throws IOException {
        Set<Path> departing = new LinkedHashSet<>();
        secureMostlyChanged(touches, departing);
        secureTheRest(touches, departing);
        return departing;
    }

    /** As {@link #secure}, where no file can be moved: all are changed where they are. */
    void secureInPlace(Collection<? extends Touch> touches) throws IOException {
        secureTheRest(touches, new LinkedHashSet<>());
    }

    private void secureTheRest(Collection<? extends Touch> touches, Set<Path> departing) throws IOException {
        List<Touch.Bytes> ofOneFile = new ArrayList<>();
        for (Touch touch : touches) {
            if (!ofOneFile.isEmpty() && !touch.path().equals(ofOneFile.getFirst().path())) {
                secureBytes(ofOneFile, departing);
                ofOneFile.clear();
            }
            if (touch instanceof Touch.Bytes bytes) {
                ofOneFile.add(bytes);
            } else {
                secureBytes(ofOneFile, departing);
                ofOneFile.clear();
                secure(touch, departing);
            }
        }
        secureBytes(ofOneFile, departing);
    }

    /** There may be a million, so what is true of the file is asked once. */
    private void secureBytes(List<Touch.Bytes> ofOneFile, Set<Path> departing) throws IOException {
        if (ofOneFile.isEmpty()) {
            return;
        }
        Path file = locations.of(ofOneFile.getFirst().path()).path();
        if (isSecure(file, departing)) {
            return;
        }
        long from = ofOneFile.getFirst().offset();
        long to = from;
        for (Touch.Bytes bytes : ofOneFile) {
            if (bytes.offset() != to) {
                secureBytes(file, from, to);
                from = bytes.offset();
            }
            to = bytes.offset() + bytes.length();
        }
        secureBytes(file, from, to);
    }

    private boolean isSecure(Path path, Set<Path> departing) {
        return originals.isOurs(path) || departing.contains(path);
    }

    private void secureMostlyChanged(Collection<? extends Touch> touches, Set<Path> departing) throws IOException {
        // Most calls are about few bytes, and are not to cost a look at the file.
        Map<String, Long> lengths = new HashMap<>();
        for (Touch touch : touches) {
            if (touch instanceof Touch.Bytes(String path, long _, long length)) {
                lengths.merge(path, length, Long::sum);
            }
        }
        lengths.values().removeIf(length -> length < LEAST_REBUILT);
        Map<String, Changing> files = new LinkedHashMap<>();
        for (Touch touch : touches) {
            if (touch instanceof Touch.Bytes bytes && lengths.containsKey(bytes.path())) {
                Changing file = files.get(bytes.path());
                if (file == null) {
                    file = new Changing(locations.of(bytes.path()));
                    file.size = disk.look(file.location.path()).map(Disk.Attributes::size).orElse(0L);
                    files.put(bytes.path(), file);
                }
                file.add(bytes);
            }
        }
        for (Changing file : files.values()) {
            Path path = file.location.path();
            if (file.isMost() && isFreeToRebuild(file.location)) {
                journal.record(new LogRecord.Rebuilt(path));
                journal.record(new LogRecord.Kept(path, journal.nextPlace(file.location)));
                departing.add(path);
            }
        }
    }

    /** How much of a file's old bytes is going to change. */
    private static final class Changing {
        private final Locations.Location location;
        private long size;
        private long bytes;

        Changing(Locations.Location location) {
            this.location = location;
        }

        void add(Touch.Bytes touch) {
            bytes += Math.max(0, Math.min(touch.offset() + touch.length(), size) - touch.offset());
        }

        boolean isMost() {
            return bytes >= LEAST_REBUILT && bytes >= size / 3 * 2;
        }
    }

    /** In PGDATA itself only: its file system is the one whose space was checked for old bytes. */
    private boolean isFreeToRebuild(Locations.Location location) throws IOException {
        Path path = location.path();
        return location.root().equals(journal.header().directory())
                && originals.changed(path) == null
                && originals.leaving(path) == null
                && !originals.isOurs(path)
                && disk.look(path).filter(found -> found.kind() == Disk.Kind.FILE).isPresent();
    }

    private void secure(Touch touch, Set<Path> departing) throws IOException {
        Locations.Location location = locations.of(touch.path());
        if (isSecure(location.path(), departing)) {
            return;
        }
        switch (touch) {
            case Touch.Bytes bytes -> secureBytes(List.of(bytes), departing);
            case Touch.Length(String _, long length) -> secureBytes(location.path(), length, Long.MAX_VALUE);
            case Touch.Name(String path) -> secureName(path, location, departing);
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

    private void secureName(String path, Locations.Location location, Set<Path> departing) throws IOException {
        if (path.isEmpty()) {
            throw new IllegalArgumentException("the data directory itself keeps its name");
        }
        Optional<Disk.Attributes> found = disk.look(location.path());
        if (found.isEmpty()) {
            journal.record(new LogRecord.Absent(location.path()));
            return;
        }
        if (originals.leaving(location.path()) == null) {
            journal.record(new LogRecord.Kept(location.path(), journal.nextPlace(location)));
        }
        // A directory that is asked for may be there already, and other paths lead through a link: they go when their names are used.
        if (found.get().kind() == Disk.Kind.FILE) {
            departing.add(location.path());
        }
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
