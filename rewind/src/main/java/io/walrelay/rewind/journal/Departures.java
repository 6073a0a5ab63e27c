package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Moves out of the way what the log says will be. A name must not have a new holder before that is durable: else a crash may leave the new
 * one, and the old one nowhere. So files go together, when they are announced, and cost one fsync of each directory. Confined to one
 * thread.
 */
final class Departures {

    private final Disk disk;
    private final Trees trees;
    private final Originals originals;
    /** What has gone since the directories were synced, and those. */
    private final Set<Path> gone = new HashSet<>();
    private final Set<Path> directories = new HashSet<>();
    /** Names that nobody has used since their holder left. */
    private final Set<Path> vacant = new HashSet<>();

    Departures(Disk disk, Originals originals) {
        this.disk = disk;
        this.trees = new Trees(disk);
        this.originals = originals;
    }

    /**
     * Moves files and links.
     *
     * @return those that can't be moved, only copied
     */
    List<Path> depart(Collection<Path> names) throws IOException {
        List<Path> unmoved = new ArrayList<>();
        for (Path name : names) {
            if (!tryMove(name)) {
                unmoved.add(name);
            } else if (!originals.rebuilt().contains(name)) {
                vacant.add(name);
            }
        }
        syncDirectories();
        return unmoved;
    }

    /** Moves or copies whatever has a name. Its new holder has to wait for {@link #requireDurable}. */
    void depart(Path name) throws IOException {
        if (!tryMove(name)) {
            keepCopy(name);
        }
    }

    private boolean tryMove(Path name) throws IOException {
        Path place = place(name);
        try {
            disk.rename(name, place);
        } catch (AtomicMoveNotSupportedException otherFileSystem) {
            return false;
        }
        originals.left(name);
        gone.add(name);
        directories.addAll(List.of(name.getParent(), place.getParent()));
        return true;
    }

    private void keepCopy(Path name) throws IOException {
        Path place = place(name);
        Path unfinished = place.resolveSibling(place.getFileName() + ".tmp");
        trees.delete(unfinished);
        trees.copy(name, unfinished);
        disk.rename(unfinished, place);
        disk.syncDirectory(place.getParent());
        originals.left(name);
        trees.delete(name);
    }

    private Path place(Path name) {
        Path place = originals.leaving(name);
        if (place == null) {
            throw new IllegalStateException("%s was not announced".formatted(name));
        }
        return place;
    }

    /** A name is used: by a new holder, or by nobody on purpose. */
    void use(Path name) {
        vacant.remove(name);
    }

    /** Before a name gets a new holder. */
    void requireDurable(Path name) throws IOException {
        if (gone.contains(name)) {
            syncDirectories();
        }
    }

    private void syncDirectories() throws IOException {
        for (Path directory : directories) {
            // One may have been moved itself since: its names are no longer those that were freed.
            if (disk.look(directory).isPresent()) {
                disk.syncDirectory(directory);
            }
        }
        gone.clear();
        directories.clear();
    }

    /** What left and whose name was then not used comes back: it was announced in vain. */
    void bringBack() throws IOException {
        for (Path name : vacant) {
            Path place = originals.kept().remove(name);
            if (place != null) {
                disk.rename(place, name);
                directories.addAll(List.of(name.getParent(), place.getParent()));
            }
        }
        vacant.clear();
        syncDirectories();
    }
}
