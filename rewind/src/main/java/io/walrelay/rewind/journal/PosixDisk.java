package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;

/** {@link Disk} as the operating system has it. Thread-safe. */
final class PosixDisk implements Disk {

    /** File systems write their own log once for those that wait at one time. */
    private static final int SYNCS_AT_A_TIME = 8;

    @Override
    public Optional<Attributes> look(Path path) throws IOException {
        try {
            PosixFileAttributes found = Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            Kind kind = found.isSymbolicLink() ? Kind.LINK : found.isDirectory() ? Kind.DIRECTORY : found.isRegularFile() ? Kind.FILE : Kind.OTHER;
            return Optional.of(new Attributes(kind, found.size(), found.permissions(), found.lastModifiedTime()));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    @Override
    public List<Path> list(Path directory) throws IOException {
        List<Path> paths = new ArrayList<>();
        try (var entries = Files.newDirectoryStream(directory)) {
            entries.forEach(paths::add);
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return paths;
    }

    @Override
    public File create(Path path, Set<PosixFilePermission> mode) throws IOException {
        FileChannel channel = FileChannel.open(
                path,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(mode));
        // The process's umask has taken its part.
        setMode(path, mode);
        return new ChannelFile(path, channel);
    }

    @Override
    public File open(Path path) throws IOException {
        return new ChannelFile(
                path,
                FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS));
    }

    @Override
    public File openForBlocks(Path path) throws IOException {
        File file = open(path);
        try {
            return new BlockFile(file, new ChannelFile(path, FileChannel.open(path, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS, direct())));
        } catch (IOException | UnsupportedOperationException cannot) {
            return file;
        }
    }

    /** O_DIRECT, which the compiler lets nobody name without a warning, although its module exports it (jdk.unsupported). */
    private static OpenOption direct() {
        try {
            return (OpenOption) Class.forName("com.sun.nio.file.ExtendedOpenOption").getField("DIRECT").get(null);
        } catch (ReflectiveOperationException without) {
            throw new UnsupportedOperationException(without);
        }
    }

    @Override
    public File openToRead(Path path) throws IOException {
        return new ChannelFile(path, FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
    }

    @Override
    public void createDirectory(Path path, Set<PosixFilePermission> mode) throws IOException {
        Files.createDirectory(path, PosixFilePermissions.asFileAttribute(mode));
        setMode(path, mode);
    }

    @Override
    public void createLink(Path path, Path target) throws IOException {
        Files.createSymbolicLink(path, target);
    }

    @Override
    public Path linkTarget(Path link) throws IOException {
        return Files.readSymbolicLink(link);
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void link(Path file, Path another) throws IOException {
        Files.createLink(another, file);
    }

    @Override
    public void delete(Path path) throws IOException {
        Files.delete(path);
    }

    @Override
    public void setMode(Path path, Set<PosixFilePermission> mode) throws IOException {
        Files.setPosixFilePermissions(path, mode);
    }

    @Override
    public void setModified(Path path, FileTime time) throws IOException {
        Files.getFileAttributeView(path, PosixFileAttributeView.class).setTimes(time, null, null);
    }

    @Override
    public void syncFiles(Collection<Path> files) throws IOException {
        List<Future<?>> syncs = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(SYNCS_AT_A_TIME, Thread.ofPlatform().name("rewind-sync-", 0).factory())) {
            for (Path path : files) {
                syncs.add(threads.submit(() -> {
                    try (File file = openToRead(path)) {
                        file.sync();
                    }
                    return null;
                }));
            }
        }
        for (Future<?> sync : syncs) {
            if (sync.state() == Future.State.FAILED) {
                throw sync.exceptionNow() instanceof IOException failed ? failed : new IOException(sync.exceptionNow());
            }
        }
    }

    @Override
    public Future<?> beginSync(Collection<Path> files) {
        FutureTask<?> sync = new FutureTask<>(() -> {
            for (Path path : files) {
                try (File file = openToRead(path)) {
                    file.sync();
                } catch (NoSuchFileException gone) {
                    // So is what was to be made durable.
                }
            }
            return null;
        });
        Thread.ofPlatform().daemon().name("rewind-sync-behind").start(sync);
        return sync;
    }

    @Override
    public void syncDirectory(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    @Override
    public Path real(Path path) throws IOException {
        return path.toRealPath();
    }

    @Override
    public Object fileSystem(Path path) throws IOException {
        return Files.getFileStore(path);
    }

    @Override
    public long freeBytes(Path path) throws IOException {
        return Files.getFileStore(path).getUsableSpace();
    }

    /** Written past the page cache (O_DIRECT) as long as the file system takes that, and as any other file then. Confined to one thread. */
    private static final class BlockFile implements File {

        private final File file;
        private final File direct;
        private boolean takesDirect = true;

        BlockFile(File file, File direct) {
            this.file = file;
            this.direct = direct;
        }

        @Override
        public void write(ByteBuffer bytes, long offset) throws IOException {
            int begin = bytes.position();
            if (takesDirect) {
                try {
                    direct.write(bytes, offset);
                    return;
                } catch (IOException refused) {
                    // Not every file system that lets itself be opened so; and a full disk is one in both ways.
                    takesDirect = false;
                    bytes.position(begin);
                }
            }
            file.write(bytes, offset);
        }

        @Override
        public int read(ByteBuffer into, long offset) throws IOException {
            return file.read(into, offset);
        }

        @Override
        public void truncate(long length) throws IOException {
            file.truncate(length);
        }

        @Override
        public long size() throws IOException {
            return file.size();
        }

        /** Of the file, whichever way it was written. */
        @Override
        public void sync() throws IOException {
            file.sync();
        }

        @Override
        public void close() throws IOException {
            try (file) {
                direct.close();
            }
        }
    }

    private record ChannelFile(Path path, FileChannel channel) implements File {

        @Override
        public void write(ByteBuffer bytes, long offset) throws IOException {
            long at = offset;
            try {
                while (bytes.hasRemaining()) {
                    at += channel.write(bytes, at);
                }
            } catch (IOException e) {
                throw new IOException("could not write %s at byte %d: %s".formatted(path, at, e.getMessage()), e);
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
        public void truncate(long length) throws IOException {
            channel.truncate(length);
        }

        @Override
        public long size() throws IOException {
            return channel.size();
        }

        @Override
        public void sync() throws IOException {
            try {
                channel.force(true);
            } catch (IOException e) {
                throw new IOException("could not fsync %s: %s".formatted(path, e.getMessage()), e);
            }
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
