package io.walrelay.cache.archive;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.SystemId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The archive as a relay has it: opened once it is known whose WAL it is about, and again until it answers. Which archive was used is
 * remembered in the data directory, so that another in its place is noticed. Thread-safe; whoever makes it closes it.
 */
public final class ArchiveTier implements AutoCloseable {

    private static final String PATH = "archive";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALARCHV", 1);

    private final ObjectStore store;
    private final ObjectFormat format;
    private final DurableFiles durable;
    private final Path spool;
    private volatile @Nullable Archive archive;

    /**
     * @param durable the relay's data directory
     * @param spool an existing directory for objects on their way
     */
    public ArchiveTier(ObjectStore store, ObjectFormat format, DurableFiles durable, Path spool) {
        this.store = store;
        this.format = format;
        this.durable = durable;
        this.spool = spool;
    }

    /**
     * The archive of the cluster; always the same cluster's.
     *
     * @throws IOException while it can't be asked, or is not the one that was used before
     */
    public Archive of(SystemId system) throws IOException {
        Archive open = archive;
        return open != null ? open : open(system);
    }

    /** What the data directory says is the archive that is used; asks no archive. */
    public Optional<String> knownId() throws IOException {
        return durable.read(PATH, FORMAT).map(id -> new String(id, StandardCharsets.US_ASCII));
    }

    private synchronized Archive open(SystemId system) throws IOException {
        Archive open = archive;
        if (open == null) {
            Optional<String> known = knownId();
            open = Archive.open(store, format, system, spool, known);
            if (known.isEmpty()) {
                durable.write(PATH, FORMAT, open.id().getBytes(StandardCharsets.US_ASCII));
            }
            archive = open;
        }
        return open;
    }

    /** Where it is, for messages. */
    @Override
    public String toString() {
        return store.toString();
    }

    @Override
    public void close() {
        store.close();
    }
}
