package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Optional;

/** A file, link, or directory with all that is below it, as one thing. Links are never followed. */
final class Trees {

    private static final int CHUNK = 1 << 20;

    private final Disk disk;

    Trees(Disk disk) {
        this.disk = disk;
    }

    /** Removes a tree; nothing, when there is none. */
    void delete(Path path) throws IOException {
        Optional<Disk.Attributes> found = disk.look(path);
        if (found.isEmpty()) {
            return;
        }
        if (found.get().kind() == Disk.Kind.DIRECTORY) {
            for (Path child : disk.list(path)) {
                delete(child);
            }
        }
        disk.delete(path);
    }

    /** Collects what has to be synced for a tree to be durable, save for its own name; nothing, when there is none. */
    void collect(Path path, Collection<Path> files, Collection<Path> directories) throws IOException {
        Optional<Disk.Attributes> found = disk.look(path);
        if (found.isEmpty()) {
            return;
        }
        switch (found.get().kind()) {
            case FILE -> files.add(path);
            case DIRECTORY -> {
                directories.add(path);
                for (Path child : disk.list(path)) {
                    collect(child, files, directories);
                }
            }
            case LINK, OTHER -> {}
        }
    }

    /** Copies a tree, with modes and times, durably save for its own name. */
    void copy(Path from, Path to) throws IOException {
        Disk.Attributes found = disk.look(from).orElseThrow(() -> new NoSuchFileException(from.toString()));
        switch (found.kind()) {
            case FILE -> copyFile(from, to, found);
            case DIRECTORY -> {
                disk.createDirectory(to, Journal.PRIVATE_DIRECTORY);
                for (Path child : disk.list(from)) {
                    copy(child, to.resolve(child.getFileName()));
                }
                disk.setMode(to, found.mode());
                disk.syncDirectory(to);
            }
            case LINK -> disk.createLink(to, disk.linkTarget(from));
            case OTHER -> throw new IOException("%s is neither file, directory nor link: remove it".formatted(from));
        }
    }

    private void copyFile(Path from, Path to, Disk.Attributes attributes) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(CHUNK);
        try (Disk.File source = disk.openToRead(from);
                Disk.File target = disk.create(to, attributes.mode())) {
            long at = 0;
            for (int n = source.read(buffer.clear(), at); n > 0; n = source.read(buffer.clear(), at)) {
                target.write(buffer.flip(), at);
                at += n;
            }
            disk.setModified(to, attributes.modified());
            target.sync();
        }
    }
}
