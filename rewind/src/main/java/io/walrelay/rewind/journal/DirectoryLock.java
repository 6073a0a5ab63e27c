package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * {@code postmaster.pid}, by which servers keep out of a directory that a process has (PostgreSQL: miscinit.c, CreateLockFile). Ours is as
 * one of {@code postgres --single}, so that {@code pg_ctl stop} and the like leave us alone. It goes with the process: a dead
 * one's is recognised by everybody, and what keeps servers out then is the {@link Sentinel}.
 */
final class DirectoryLock {

    static final String NAME = "postmaster.pid";

    private static final int SHARED_MEMORY_LINE = 6;
    private static final int ATTEMPTS = 100;

    private final Disk disk;
    private final Path path;
    private boolean released;

    private DirectoryLock(Disk disk, Path path) {
        this.disk = disk;
        this.path = path;
    }

    /** What is known of the processes of this machine. */
    interface Processes {

        long self();

        /** Whether a process may have a directory that is ours: it lives, under our user, and did not start us. */
        boolean mayBeServer(long pid);

        /** Whether a System V segment is still attached by somebody: servers outlive their postmaster's death for a while. */
        boolean attached(long sharedMemoryId) throws IOException;
    }

    /**
     * Only looks.
     *
     * @throws NotStoppedException a process that lives has it
     */
    static void requireFree(Disk disk, Path directory, Processes processes) throws IOException {
        requireStale(disk, directory.resolve(NAME), directory, processes);
    }

    /** @throws NotStoppedException a process that lives has it */
    static DirectoryLock take(Disk disk, Path directory, Processes processes) throws IOException {
        Path path = directory.resolve(NAME);
        for (int attempt = 1; !tryTake(disk, directory, path, processes); attempt++) {
            requireStale(disk, path, directory, processes);
            if (attempt == ATTEMPTS) {
                throw new NotStoppedException("%s comes back whenever it is removed: something starts servers on %s".formatted(path, directory));
            }
            deleteIfThere(disk, path);
        }
        for (Path other : disk.list(directory)) {
            if (other.getFileName().toString().startsWith(NAME + ".")) {
                deleteIfThere(disk, other);
            }
        }
        return new DirectoryLock(disk, path);
    }

    /** The file gets its name when it is whole: an empty one, which a power loss may leave, would stand for a server that is starting. */
    private static boolean tryTake(Disk disk, Path directory, Path path, Processes processes) throws IOException {
        Path unnamed = path.resolveSibling("%s.%d".formatted(NAME, processes.self()));
        deleteIfThere(disk, unnamed);
        try (Disk.File file = disk.create(unnamed, Configuration.PRIVATE)) {
            String content = "-%d\n%s\n%d\n0\n\n\n".formatted(processes.self(), directory, Instant.now().getEpochSecond());
            file.write(ByteBuffer.wrap(content.getBytes(StandardCharsets.UTF_8)), 0);
            file.sync();
            disk.link(unnamed, path);
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        } finally {
            deleteIfThere(disk, unnamed);
        }
    }

    private static void requireStale(Disk disk, Path path, Path directory, Processes processes) throws IOException {
        Optional<List<String>> lines = read(disk, path);
        if (lines.isEmpty()) {
            return;
        }
        long pid = number(lines.get().getFirst());
        if (pid == 0) {
            throw new NotStoppedException("%s names no process: a server is starting on %s, or an earlier one crashed then; if none is, remove the file"
                    .formatted(path, directory));
        }
        if (processes.mayBeServer(Math.abs(pid))) {
            throw new NotStoppedException("%s is in use by process %d (%s); stop it first: pg_ctl stop -D %s"
                    .formatted(directory, Math.abs(pid), path, Sentinel.word(directory.toString())));
        }
        if (lines.get().size() > SHARED_MEMORY_LINE) {
            String[] keyAndId = lines.get().get(SHARED_MEMORY_LINE).strip().split("\\s+", -1);
            long id = number(keyAndId[keyAndId.length - 1]);
            if (keyAndId.length == 2 && processes.attached(id)) {
                throw new NotStoppedException("the server on %s is gone, but processes of it are left (shared memory %d); end them first"
                        .formatted(directory, id));
            }
        }
    }

    private static Optional<List<String>> read(Disk disk, Path path) throws IOException {
        try (Disk.File file = disk.openToRead(path)) {
            ByteBuffer content = ByteBuffer.allocate(4096);
            file.read(content, 0);
            return Optional.of(List.of(StandardCharsets.UTF_8.decode(content.flip()).toString().split("\n", -1)));
        } catch (NoSuchFileException removed) {
            return Optional.empty();
        }
    }

    private static long number(String text) {
        try {
            return Long.parseLong(text.strip());
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    /** Once: afterwards it may be another's. */
    void release() throws IOException {
        if (!released) {
            deleteIfThere(disk, path);
            released = true;
        }
    }

    private static void deleteIfThere(Disk disk, Path path) throws IOException {
        try {
            disk.delete(path);
        } catch (NoSuchFileException gone) {
            return;
        }
    }
}
