package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Makes durable what a change did, and nothing else of the directory but what it is told to: all that ever changed is named in the journal, by
 * whichever run.
 */
final class Durability {

    private final Disk disk;
    private final Originals originals;

    Durability(Disk disk, Originals originals) {
        this.disk = disk;
        this.originals = originals;
    }

    /** @param unchanged files that are to be durable as well */
    void sync(Set<Path> unchanged) throws IOException {
        Trees trees = new Trees(disk);
        Set<Path> files = new HashSet<>(unchanged);
        Set<Path> directories = new HashSet<>(originals.directoryModes().keySet());
        // Their names, too: the file may be as new as its bytes.
        unchanged.forEach(file -> directories.add(Disk.parentOf(file)));
        for (Path file : originals.changed().keySet()) {
            trees.collect(file, files, directories);
        }
        for (Path name : Stream.concat(originals.absent().stream(), originals.kept().keySet().stream()).toList()) {
            trees.collect(name, files, directories);
            directories.add(Disk.parentOf(name));
        }
        // A renaming is durable when both directories are.
        originals.kept().values().forEach(place -> directories.add(Disk.parentOf(place)));
        disk.syncFiles(files);
        for (Path directory : directories) {
            if (disk.look(directory).isPresent()) {
                disk.syncDirectory(directory);
            }
        }
    }
}
