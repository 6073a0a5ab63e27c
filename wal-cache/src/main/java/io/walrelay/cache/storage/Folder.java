package io.walrelay.cache.storage;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A directory of somebody else's, which is only read. Thread-safe. */
public final class Folder {

    private final Path path;

    public Folder(Path path) {
        this.path = path.toAbsolutePath().normalize();
    }

    /**
     * The names of the files right in it, in no order; what lies in directories below is nobody's here.
     *
     * @throws IOException when it can't be listed: also when it is not there
     */
    public List<String> files() throws IOException {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
            for (Path entry : entries) {
                if (Files.isRegularFile(entry)) {
                    names.add(String.valueOf(entry.getFileName()));
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return names;
    }

    /** Bytes of one of {@link #files}. */
    public long size(String name) throws IOException {
        return Files.size(path.resolve(name));
    }

    /** Whether there is a file of that name. */
    public boolean has(String name) {
        return Files.isRegularFile(path.resolve(name));
    }

    /** One of {@link #files}, for who does not read it from the beginning to the end; the caller closes the channel. */
    public SeekableByteChannel openChannel(String name) throws IOException {
        return Files.newByteChannel(path.resolve(name));
    }

    /** The bytes of one of {@link #files}; the caller closes the stream. */
    public InputStream open(String name) throws IOException {
        return Files.newInputStream(path.resolve(name));
    }

    /** Its path. */
    @Override
    public String toString() {
        return path.toString();
    }
}
