package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * {@code postgresql.auto.conf}, whose content decides whether a server may start. It changes by one rename, so it is always one thing or
 * the other: that is where a change begins to count, and where it is over.
 */
final class Configuration {

    static final String NAME = "postgresql.auto.conf";
    /** What PostgreSQL and its tools know as a remnant of ALTER SYSTEM and leave out (guc.c, PG_AUTOCONF_FILENAME). */
    static final String TEMPORARY = NAME + ".tmp";

    static final Set<PosixFilePermission> PRIVATE = Set.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);

    /** How it was at the beginning. */
    @SuppressWarnings("ArrayRecordComponent") // Compared by equalTo.
    record Original(byte[] content, Set<PosixFilePermission> mode, FileTime modified) {}

    private final Disk disk;
    private final Path directory;
    private final Path path;
    private final Path temporary;

    Configuration(Disk disk, Path directory) {
        this.disk = disk;
        this.directory = directory;
        this.path = directory.resolve(NAME);
        this.temporary = directory.resolve(TEMPORARY);
    }

    Optional<Original> read() throws IOException {
        Optional<Disk.Attributes> found = disk.look(path);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        if (found.get().kind() != Disk.Kind.FILE) {
            throw new IOException("%s is not a file; expected one, since a rename has to replace it".formatted(path));
        }
        try (Disk.File file = disk.openToRead(path)) {
            ByteBuffer content = ByteBuffer.allocate(Math.toIntExact(file.size()));
            file.read(content, 0);
            return Optional.of(new Original(Arrays.copyOf(content.array(), content.position()), found.get().mode(), found.get().modified()));
        }
    }

    boolean isSentinel() throws IOException {
        return read().map(Original::content).filter(Sentinel::isSentinel).isPresent();
    }

    /** Whether it is as it was: the same content, or still missing. */
    boolean isStill(@Nullable Original original) throws IOException {
        Optional<Original> now = read();
        return original == null ? now.isEmpty() : now.isPresent() && Arrays.equals(now.get().content, original.content);
    }

    /** Prepares another content durably, under a name that servers do not read. */
    void prepare(byte[] content, Set<PosixFilePermission> mode) throws IOException {
        prepare(content, mode, null);
    }

    /** Prepares the old content, time and all. */
    void prepare(Original original) throws IOException {
        prepare(original.content, original.mode, original.modified);
    }

    private void prepare(byte[] content, Set<PosixFilePermission> mode, @Nullable FileTime modified) throws IOException {
        discardPrepared();
        try (Disk.File file = disk.create(temporary, mode)) {
            file.write(ByteBuffer.wrap(content), 0);
            if (modified != null) {
                disk.setModified(temporary, modified);
            }
            file.sync();
        }
    }

    void discardPrepared() throws IOException {
        try {
            disk.delete(temporary);
        } catch (NoSuchFileException none) {
            return;
        }
    }

    /** The rename. Not durable before {@link #sync}. */
    void replaceByPrepared() throws IOException {
        disk.rename(temporary, path);
    }

    void remove() throws IOException {
        disk.delete(path);
    }

    void sync() throws IOException {
        disk.syncDirectory(directory);
    }
}
