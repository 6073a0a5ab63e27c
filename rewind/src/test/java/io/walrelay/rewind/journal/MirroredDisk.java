package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A {@link FragileDisk} whose every change is made to real files as well, for code that reads these without asking a disk. The fragile
 * one comes first: when it has crashed nothing is changed any more. Only it is synced.
 */
final class MirroredDisk implements Disk {

    private final FragileDisk fragile;
    private final PosixDisk real = new PosixDisk();

    MirroredDisk(FragileDisk fragile) {
        this.fragile = fragile;
    }

    @Override
    public Optional<Attributes> look(Path path) throws IOException {
        return fragile.look(path);
    }

    @Override
    public List<Path> list(Path directory) throws IOException {
        return fragile.list(directory);
    }

    @Override
    public File create(Path path, Set<PosixFilePermission> mode) throws IOException {
        return new MirroredFile(fragile.create(path, mode), real.create(path, mode));
    }

    @Override
    public File open(Path path) throws IOException {
        return new MirroredFile(fragile.open(path), real.open(path));
    }

    @Override
    public File openToRead(Path path) throws IOException {
        return fragile.openToRead(path);
    }

    @Override
    public void createDirectory(Path path, Set<PosixFilePermission> mode) throws IOException {
        fragile.createDirectory(path, mode);
        real.createDirectory(path, mode);
    }

    @Override
    public void createLink(Path path, Path target) throws IOException {
        fragile.createLink(path, target);
        real.createLink(path, target);
    }

    @Override
    public Path linkTarget(Path link) throws IOException {
        return fragile.linkTarget(link);
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        fragile.rename(from, to);
        real.rename(from, to);
    }

    @Override
    public void link(Path file, Path another) throws IOException {
        fragile.link(file, another);
        real.link(file, another);
    }

    @Override
    public void delete(Path path) throws IOException {
        fragile.delete(path);
        real.delete(path);
    }

    @Override
    public void setMode(Path path, Set<PosixFilePermission> mode) throws IOException {
        fragile.setMode(path, mode);
        real.setMode(path, mode);
    }

    @Override
    public void setModified(Path path, FileTime time) throws IOException {
        fragile.setModified(path, time);
        real.setModified(path, time);
    }

    @Override
    public void syncFiles(Collection<Path> files) throws IOException {
        fragile.syncFiles(files);
    }

    @Override
    public void syncDirectory(Path directory) throws IOException {
        fragile.syncDirectory(directory);
    }

    @Override
    public Path real(Path path) throws IOException {
        return fragile.real(path);
    }

    @Override
    public Object fileSystem(Path path) throws IOException {
        return fragile.fileSystem(path);
    }

    @Override
    public long freeBytes(Path path) throws IOException {
        return fragile.freeBytes(path);
    }

    private record MirroredFile(File fragile, File real) implements File {

        @Override
        public void write(ByteBuffer bytes, long offset) throws IOException {
            fragile.write(bytes.duplicate(), offset);
            real.write(bytes, offset);
        }

        @Override
        public int read(ByteBuffer into, long offset) throws IOException {
            return fragile.read(into, offset);
        }

        @Override
        public void truncate(long length) throws IOException {
            fragile.truncate(length);
            real.truncate(length);
        }

        @Override
        public long size() throws IOException {
            return fragile.size();
        }

        @Override
        public void sync() throws IOException {
            fragile.sync();
        }

        @Override
        public void close() throws IOException {
            fragile.close();
            real.close();
        }
    }
}
