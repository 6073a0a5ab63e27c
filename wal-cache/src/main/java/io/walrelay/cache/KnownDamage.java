package io.walrelay.cache;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * Where WAL is damaged for good, the first such place: the file {@code damage} in the data directory. Only by this does a relay that was started again
 * know of what it has verified before. Confined to one thread.
 */
public final class KnownDamage {

    private static final String PATH = "damage";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALDAMAG", 1);

    private final DurableFiles files;

    KnownDamage(DurableFiles files) {
        this.files = files;
    }

    /** @throws IOException when the disk can't be asked, or the file is damaged itself */
    public Optional<Lsn> load() throws IOException {
        return files.read(PATH, FORMAT).filter(body -> body.length == Long.BYTES).map(body -> new Lsn(ByteBuffer.wrap(body).getLong()));
    }

    /** Durable when it returns. An earlier place stays. */
    public void remember(Lsn at) throws IOException {
        Optional<Lsn> known = load();
        if (known.isEmpty() || at.isBefore(known.get())) {
            files.write(PATH, FORMAT, ByteBuffer.allocate(Long.BYTES).putLong(at.value()).array());
        }
    }

    /** There is none any more, or nobody minds. */
    public void forget() throws IOException {
        if (load().isPresent()) {
            files.write(PATH, FORMAT, new byte[0]);
        }
    }
}
