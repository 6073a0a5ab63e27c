package io.walrelay.proxy.relay;

import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.cache.storage.Storage;
import io.walrelay.proxy.config.DataPlace;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.stream.Stream;

/** The relay's directory, taken for this process alone for as long as it is open: two writers would ruin each other's WAL. */
final class DataDirectory implements AutoCloseable {

    private static final String LOCK = "relay.lock";
    private static final String SPOOL = "spool";

    private final Path path;
    private final Storage storage;
    private final FileChannel channel;

    private DataDirectory(Path path, Storage storage, FileChannel channel) {
        this.path = path;
        this.storage = storage;
        this.channel = channel;
    }

    /**
     * Takes {@code path}, and makes it when it is missing.
     *
     * @throws IOException when another process has it, with that process's pid where it can be read; or when it is no directory, not to be written to,
     *     or a PostgreSQL server's
     */
    static DataDirectory take(Path path) throws IOException {
        Optional<String> obstacle = DataPlace.obstacle(path);
        if (obstacle.isPresent()) {
            throw new IOException("the data directory %s %s; expected one of the relay's own, which it can write to: --data DIRECTORY".formatted(path, obstacle.get()));
        }
        Storage storage = new PosixStorage(path);
        FileChannel channel = FileChannel.open(
                path.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            FileLock lock = channel.tryLock();
            if (lock == null) {
                throw taken(path, channel);
            }
        } catch (OverlappingFileLockException e) {
            IOException taken = taken(path, channel);
            taken.addSuppressed(e);
            throw taken;
        }
        channel.truncate(0);
        channel.write(ByteBuffer.wrap(Long.toString(ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII)), 0);
        return new DataDirectory(path, storage, channel);
    }

    private static IOException taken(Path path, FileChannel channel) throws IOException {
        ByteBuffer pid = ByteBuffer.allocate(20);
        channel.read(pid, 0);
        channel.close();
        return new IOException("the data directory %s is in use by process %s; expected a directory of this relay's own"
                .formatted(path, StandardCharsets.US_ASCII.decode(pid.flip())));
    }

    /** An empty directory for files on their way to somewhere else. */
    Path spool() throws IOException {
        Path spool = Files.createDirectories(path.resolve(SPOOL));
        try (Stream<Path> left = Files.list(spool)) {
            for (Path file : left.toList()) {
                Files.delete(file);
            }
        }
        return spool;
    }

    Storage storage() {
        return storage;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
