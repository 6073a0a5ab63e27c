package io.walrelay.cache.storage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** {@link Storage} on a local file system. Directories are made for the owner alone, as PostgreSQL's data directory is. */
public final class PosixStorage implements Storage {

    private static final Set<StandardOpenOption> READ_AND_WRITE = Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);

    private final Path root;
    private final Set<StandardOpenOption> opening;

    private PosixStorage(Path root, Set<StandardOpenOption> opening) {
        this.root = root;
        this.opening = opening;
    }

    /** For looking only, beside a relay that may run: nothing is made, and no file is opened so that it could be written. */
    public static Storage readOnly(Path root) {
        return new PosixStorage(root, Set.of(StandardOpenOption.READ));
    }

    public PosixStorage(Path root) throws IOException {
        this(root, READ_AND_WRITE);
        if (!Files.isDirectory(root)) {
            Files.createDirectories(root, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            Path parent = root.toAbsolutePath().getParent();
            if (parent != null) {
                // Or a power loss takes the whole directory, synced files and all.
                sync(parent);
            }
        }
    }

    @Override
    public void createDirectory(String path) throws IOException {
        Path directory = root.resolve(path);
        if (!Files.isDirectory(directory)) {
            Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
    }

    @Override
    public List<String> list(String directory) throws IOException {
        List<String> names = new ArrayList<>();
        try (var entries = Files.newDirectoryStream(root.resolve(directory))) {
            for (Path entry : entries) {
                names.add(entry.getFileName().toString());
            }
        } catch (NoSuchFileException | NotDirectoryException e) {
            return List.of();
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return names;
    }

    @Override
    public File create(String path) throws IOException {
        Path file = root.resolve(path);
        return new ChannelFile(
                file,
                FileChannel.open(
                        file,
                        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE),
                        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))));
    }

    @Override
    public File open(String path) throws IOException {
        Path file = root.resolve(path);
        return new ChannelFile(file, FileChannel.open(file, opening));
    }

    @Override
    public boolean exists(String path) {
        return Files.exists(root.resolve(path));
    }

    @Override
    public void rename(String from, String to) throws IOException {
        Files.move(root.resolve(from), root.resolve(to), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void delete(String path) throws IOException {
        Files.delete(root.resolve(path));
    }

    @Override
    public Instant lastModified(String path) throws IOException {
        return Files.getLastModifiedTime(root.resolve(path)).toInstant();
    }

    @Override
    public void syncDirectory(String path) throws IOException {
        sync(root.resolve(path));
    }

    private static void sync(Path path) throws IOException {
        try (FileChannel directory = FileChannel.open(path, StandardOpenOption.READ)) {
            directory.force(true);
        }
    }

    @Override
    public long freeBytes() throws IOException {
        return Files.getFileStore(root).getUsableSpace();
    }

    /** @param path where it was opened; used only before it is given another name */
    private record ChannelFile(Path path, FileChannel channel) implements File {

        private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(1 << 16);

        @Override
        public void reserve(long bytes) throws IOException {
            if (!Fallocate.reserve(path, bytes)) {
                for (long at = channel.size(); at < bytes; at += ZEROS.capacity()) {
                    write(ZEROS.duplicate().limit((int) Math.min(ZEROS.capacity(), bytes - at)), at);
                }
            }
        }

        @Override
        public void write(ByteBuffer bytes, long offset) throws IOException {
            long at = offset;
            while (bytes.hasRemaining()) {
                at += channel.write(bytes, at);
            }
        }

        @Override
        public int read(ByteBuffer into, long offset) throws IOException {
            int total = 0;
            while (into.hasRemaining()) {
                int n = channel.read(into, offset + total);
                if (n < 0) {
                    break;
                }
                total += n;
            }
            return total;
        }

        @Override
        public void sync() throws IOException {
            channel.force(false);
        }

        @Override
        public long size() throws IOException {
            return channel.size();
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
