package io.walrelay.cache;

import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.concurrent.atomic.AtomicBoolean;

/** A file on its way in. Filled by one thread at a time; whoever got it closes it, which deletes it. */
public final class Incoming implements AutoCloseable {

    private final Storage storage;
    private final String path;
    private final WalFileName name;
    private final long expected;
    private final Storage.File file;
    private final Runnable whenClosed;
    private final AtomicBoolean closed = new AtomicBoolean();
    private long length;

    Incoming(Storage storage, String path, WalFileName name, long expected, Storage.File file, Runnable whenClosed) {
        this.storage = storage;
        this.path = path;
        this.name = name;
        this.expected = expected;
        this.file = file;
        this.whenClosed = whenClosed;
    }

    public WalFileName name() {
        return name;
    }

    /** @throws DiskFullException when there is no room for it after all */
    public void append(ByteBuffer bytes) throws IOException {
        int more = bytes.remaining();
        try {
            file.write(bytes, length);
        } catch (IOException e) {
            throw DiskFullException.orAsItIs(e);
        }
        length += more;
    }

    /** Whether all that was announced has come. */
    public boolean isWhole() {
        return length == expected;
    }

    long length() {
        return length;
    }

    int read(ByteBuffer into, long offset) throws IOException {
        return file.read(into, offset);
    }

    byte[] bytes() throws IOException {
        ByteBuffer all = ByteBuffer.allocate(Math.toIntExact(length));
        file.read(all, 0);
        return all.array();
    }

    /** The bytes once more, from the beginning. */
    InputStream open() throws IOException {
        return Channels.newInputStream(storage.open(path).channel());
    }

    @Override
    public void close() throws IOException {
        if (closed.compareAndSet(false, true)) {
            try (file) {
                storage.delete(path);
            } finally {
                whenClosed.run();
            }
        }
    }
}
