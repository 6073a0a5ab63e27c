package io.walrelay.cache.storage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.time.Instant;
import java.util.List;

/** Another storage, of which some operations wait, or fail, or that is full. Thread-safe. */
public final class TroubledStorage implements Storage {

    public enum Operation {
        CREATE,
        WRITE,
        DELETE
    }

    /** What happens before an operation. */
    @FunctionalInterface
    public interface Trouble {
        void before(Operation operation, String path) throws IOException;
    }

    private final Storage storage;
    private volatile Trouble trouble = (_, _) -> {};
    private volatile long free = Long.MAX_VALUE;

    public TroubledStorage(Storage storage) {
        this.storage = storage;
    }

    /** From now on. */
    public void trouble(Trouble newTrouble) {
        trouble = newTrouble;
    }

    /** Says from now on that so many bytes are free, or fewer. */
    public void free(long bytes) {
        free = bytes;
    }

    @Override
    public void createDirectory(String path) throws IOException {
        storage.createDirectory(path);
    }

    @Override
    public List<String> list(String directory) throws IOException {
        return storage.list(directory);
    }

    @Override
    public File create(String path) throws IOException {
        trouble.before(Operation.CREATE, path);
        return new TroubledFile(path, storage.create(path));
    }

    @Override
    public File open(String path) throws IOException {
        return new TroubledFile(path, storage.open(path));
    }

    @Override
    public boolean exists(String path) throws IOException {
        return storage.exists(path);
    }

    @Override
    public void rename(String from, String to) throws IOException {
        storage.rename(from, to);
    }

    @Override
    public void delete(String path) throws IOException {
        trouble.before(Operation.DELETE, path);
        storage.delete(path);
    }

    @Override
    public Instant lastModified(String path) throws IOException {
        return storage.lastModified(path);
    }

    @Override
    public void syncDirectory(String path) throws IOException {
        storage.syncDirectory(path);
    }

    @Override
    public long freeBytes() throws IOException {
        return Math.min(free, storage.freeBytes());
    }

    private final class TroubledFile implements File {
        private final String path;
        private final File file;

        TroubledFile(String path, File file) {
            this.path = path;
            this.file = file;
        }

        @Override
        public void write(ByteBuffer bytes, long offset) throws IOException {
            trouble.before(Operation.WRITE, path);
            file.write(bytes, offset);
        }

        @Override
        public void reserve(long bytes) throws IOException {
            file.reserve(bytes);
        }

        @Override
        public int read(ByteBuffer into, long offset) throws IOException {
            return file.read(into, offset);
        }

        @Override
        public void sync() throws IOException {
            file.sync();
        }

        @Override
        public long size() throws IOException {
            return file.size();
        }

        @Override
        public FileChannel channel() {
            return file.channel();
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
