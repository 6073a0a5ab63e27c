package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Puts everything back that a journal holds. Each step depends on what the journal says and on what is there, and on nothing that an earlier
 * attempt did, so one that was killed anywhere is simply done again.
 */
final class Restoration {

    private static final Set<PosixFilePermission> OWNER_READS_AND_WRITES = Configuration.PRIVATE;

    private final Disk disk;
    private final Trees trees;
    private final Journal journal;
    private final Originals originals;
    private final Set<Path> changedDirectories = new HashSet<>();

    Restoration(Disk disk, Journal journal) {
        this.disk = disk;
        this.trees = new Trees(disk);
        this.journal = journal;
        this.originals = journal.originals();
    }

    /** Durable when it returns. */
    void run() throws IOException {
        restoreNames();
        restoreContents();
        for (Map.Entry<Path, Set<PosixFilePermission>> directory : originals.directoryModes().entrySet()) {
            disk.setMode(directory.getKey(), directory.getValue());
            changedDirectories.add(directory.getKey());
        }
        for (Path directory : changedDirectories) {
            if (disk.look(directory).isPresent()) {
                disk.syncDirectory(directory);
            }
        }
    }

    /** From the top down: what is kept of a directory's inside belongs into the directory as it was. */
    private void restoreNames() throws IOException {
        List<Path> paths = Stream.concat(originals.absent().stream(), originals.kept().keySet().stream())
                .sorted(Comparator.comparingInt(Path::getNameCount))
                .toList();
        for (Path path : paths) {
            trees.delete(path);
            changedDirectories.add(Disk.parentOf(path));
            Path kept = originals.kept().get(path);
            if (kept != null) {
                moveBack(kept, path);
            }
        }
    }

    private void moveBack(Path kept, Path path) throws IOException {
        try {
            disk.rename(kept, path);
            changedDirectories.add(Disk.parentOf(kept));
        } catch (AtomicMoveNotSupportedException otherFileSystem) {
            // It stays where it is kept: half of a copy is no proof of anything.
            trees.copy(kept, path);
        }
    }

    private void restoreContents() throws IOException {
        for (Originals.Changed changed : originals.changed().values()) {
            LogRecord.InPlace file = changed.file();
            Set<PosixFilePermission> mode = EnumSet.copyOf(OWNER_READS_AND_WRITES);
            mode.addAll(file.mode());
            disk.setMode(file.path(), mode);
        }
        try (OpenFiles files = new OpenFiles(disk)) {
            for (Originals.Changed changed : originals.changed().values()) {
                files.get(changed.file().path()).truncate(changed.file().length());
            }
            journal.log().read(entry -> {
                if (entry instanceof LogRecord.OldBytes(Path path, long offset, var bytes)) {
                    files.get(path).write(bytes, offset);
                }
            });
            for (Originals.Changed changed : originals.changed().values()) {
                finish(files.get(changed.file().path()), changed.file());
            }
        }
        disk.syncFiles(originals.changed().keySet());
    }

    private void finish(Disk.File file, LogRecord.InPlace original) throws IOException {
        if (file.size() != original.length()) {
            throw new IOException("%s has %d bytes after its old ones were put back; expected %d"
                    .formatted(original.path(), file.size(), original.length()));
        }
        disk.setModified(original.path(), original.modified());
        disk.setMode(original.path(), original.mode());
    }
}
