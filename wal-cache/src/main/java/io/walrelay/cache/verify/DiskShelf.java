package io.walrelay.cache.verify;

import io.walrelay.cache.storage.Storage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;

/** A relay's data directory, beside the relay: files change their names and go away meanwhile. */
record DiskShelf(Storage storage) implements FileReading.Shelf {

    private static final int BUFFER = 256 << 10;
    private static final String PARTIAL = ".partial";

    @Override
    public boolean read(StoredFile file, OutputStream into) throws IOException {
        if (copy(file.path(), into)) {
            return true;
        }
        // It may have become whole since it was listed.
        return file.path().endsWith(PARTIAL) && copy(file.path().substring(0, file.path().length() - PARTIAL.length()), into);
    }

    private boolean copy(String path, OutputStream into) throws IOException {
        Storage.File file;
        try {
            file = storage.open(path);
        } catch (NoSuchFileException e) {
            return false;
        }
        try (file) {
            ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
            long at = 0;
            for (int n = file.read(buffer, at); n > 0; n = file.read(buffer.clear(), at)) {
                into.write(buffer.array(), 0, n);
                at += n;
            }
            return true;
        }
    }
}
