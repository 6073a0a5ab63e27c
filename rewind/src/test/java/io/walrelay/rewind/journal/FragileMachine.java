package io.walrelay.rewind.journal;

import io.walrelay.rewind.journal.FragileDisk.CrashedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Real files below a directory, changed through a disk that forgets what was not synced when the power fails. Confined to one thread. */
public final class FragileMachine {

    private static final Set<PosixFilePermission> FOLDER = PosixFilePermissions.fromString("rwx------");

    private final Path root;
    private FragileDisk disk;

    /** @param root with what is in it, all of it durable; a real path */
    public FragileMachine(Path root) throws IOException {
        this.root = root;
        this.disk = new FragileDisk();
        Path made = root.getRoot();
        for (Path name : root) {
            made = made.resolve(name);
            disk.createDirectory(made, FOLDER);
        }
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.skip(1).toList()) {
                load(file);
            }
        }
        disk.syncAll();
    }

    private void load(Path path) throws IOException {
        Set<PosixFilePermission> mode = Files.getPosixFilePermissions(path, LinkOption.NOFOLLOW_LINKS);
        if (Files.isDirectory(path)) {
            disk.createDirectory(path, mode);
        } else {
            try (Disk.File file = disk.create(path, mode)) {
                file.write(ByteBuffer.wrap(Files.readAllBytes(path)), 0);
            }
        }
    }

    /** Changes so far, syncs among them. */
    public long operations() {
        return disk.operations();
    }

    /** The power fails instead of the {@code k}-th change from now on; everything that is tried afterwards fails. */
    public void failBefore(long k) {
        disk.crashBeforeOperation(k);
    }

    /** Whether {@code failure} comes from a power that failed. */
    public static boolean isPowerFailure(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof CrashedException) {
                return true;
            }
        }
        return false;
    }

    /** The power is back: the files are what is left of them, by the chances of {@code seed}. */
    public void restart(long seed) throws IOException {
        disk = disk.crash(seed);
        deleteBelow(root);
        for (Path path : disk.list(root)) {
            store(path);
        }
    }

    private static void deleteBelow(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                if (!file.equals(directory)) {
                    Files.delete(file);
                }
            }
        }
    }

    private void store(Path path) throws IOException {
        Disk.Attributes found = disk.look(path).orElseThrow();
        if (found.kind() == Disk.Kind.DIRECTORY) {
            Files.createDirectory(path);
            for (Path child : disk.list(path)) {
                store(child);
            }
        } else {
            ByteBuffer content = ByteBuffer.allocate(Math.toIntExact(found.size()));
            try (Disk.File file = disk.openToRead(path)) {
                file.read(content, 0);
            }
            byte[] bytes = new byte[content.flip().remaining()];
            content.get(bytes);
            Files.write(path, bytes);
        }
        Files.setPosixFilePermissions(path, found.mode());
    }

    /** As {@link DirectoryChange#leftover}. */
    public Leftover leftover(Path directory) throws IOException {
        return Remains.of(new MirroredDisk(disk), Home.beside(directory)).leftover();
    }

    /** As {@link DirectoryChange#begin}. */
    public DirectoryChange begin(Path directory, byte[] plan, Space space) throws IOException {
        return DirectoryChange.begin(new MirroredDisk(disk), new LocalProcesses(), Home.beside(directory), plan, space);
    }

    /** As {@link DirectoryChange#resume}. */
    public Optional<DirectoryChange> resume(Path directory) throws IOException {
        return DirectoryChange.resume(new MirroredDisk(disk), new LocalProcesses(), Home.beside(directory));
    }
}
