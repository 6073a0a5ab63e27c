package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Where paths of a data directory really are: links to tablespaces, and one that {@code pg_wal} may be, lead elsewhere. Confined to one
 * thread.
 */
final class Locations {

    /**
     * Where something is, or would be.
     *
     * @param path whose parent has no link in it
     * @param root the directory that it lies in: the data directory, or what the last link leads to
     */
    record Location(Path path, Path root) {}

    private final Disk disk;
    private final Path directory;
    private final Map<Path, Location> directories = new HashMap<>();
    private final Map<String, Location> known = new HashMap<>();

    /** @param directory PGDATA, a real path */
    Locations(Disk disk, Path directory) {
        this.disk = disk;
        this.directory = directory;
    }

    /** @throws IllegalArgumentException no path in the data directory, or one that it is not for the caller to change */
    Location of(String path) throws IOException {
        Location location = known.get(path);
        if (location == null) {
            location = find(path);
            known.put(path, location);
        }
        return location;
    }

    private Location find(String path) throws IOException {
        Path relative = Path.of(path);
        if (relative.isAbsolute() || !relative.equals(relative.normalize()) || relative.startsWith("..")) {
            throw new IllegalArgumentException("path \"%s\"; expected one relative to the data directory".formatted(path));
        }
        if (path.equals(Configuration.NAME) || path.equals(Configuration.TEMPORARY) || path.equals(DirectoryLock.NAME)) {
            throw new IllegalArgumentException("%s belongs to the change itself: give its final content to commit".formatted(path));
        }
        return path.isEmpty() ? new Location(directory, directory) : find(relative);
    }

    private Location find(Path relative) throws IOException {
        Location parent = relative.getParent() == null ? new Location(directory, directory) : directory(relative.getParent());
        return new Location(parent.path.resolve(relative.getFileName()), parent.root);
    }

    /** Where a directory is, or would be that is yet to be made. */
    private Location directory(Path relative) throws IOException {
        Location before = directories.get(relative);
        if (before != null) {
            return before;
        }
        Location named = find(relative);
        Disk.Kind kind = disk.look(named.path).map(Disk.Attributes::kind).orElse(null);
        if (kind == null) {
            return named;
        }
        Location location = kind == Disk.Kind.LINK ? follow(named.path) : named;
        directories.put(relative, location);
        return location;
    }

    private Location follow(Path link) throws IOException {
        try {
            Path target = disk.real(link);
            return new Location(target, target);
        } catch (NoSuchFileException e) {
            throw new IOException("%s leads to %s, where nothing is".formatted(link, disk.linkTarget(link)), e);
        }
    }

    /** Directories or links may have come, gone or changed. */
    void forget() {
        directories.clear();
        known.clear();
    }
}
