package io.walrelay.proxy.cli;

import io.walrelay.cache.KnownWal;
import io.walrelay.cache.archive.ArchiveReader;
import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.archive.ObjectStore;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.cache.storage.Storage;
import io.walrelay.cache.verify.ArchivedSize;
import io.walrelay.cache.verify.Progress;
import io.walrelay.cache.verify.Tier;
import io.walrelay.cache.verify.Verification;
import io.walrelay.proxy.config.ArchiveSettings;
import io.walrelay.proxy.config.KeepingSettings;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What {@code walrelay verify} looks at: the data directory if there is one, the archive if there is one. Confined to one thread. */
final class VerifySource implements AutoCloseable {

    private final Path data;
    private final Storage storage;
    private final Optional<ArchiveSettings> settings;
    private Optional<KnownWal> known = Optional.empty();
    private Optional<ArchiveReader> archive = Optional.empty();
    private @Nullable ObjectStore store;
    private @Nullable IOException diskFailure;
    private @Nullable IOException archiveFailure;

    /** Opens what can be opened. */
    VerifySource(KeepingSettings keeping) {
        this.data = keeping.data();
        this.storage = PosixStorage.readOnly(data);
        this.settings = keeping.archive();
        try {
            known = KnownWal.read(new DurableFiles(storage));
            if (known.isEmpty() && !storage.list(KnownWal.directory()).isEmpty()) {
                throw new IOException("%s has files in %s/, and no state file that says what they are".formatted(data, KnownWal.directory()));
            }
        } catch (IOException e) {
            diskFailure = e;
        }
        if (settings.isPresent()) {
            openArchive(settings.get());
        }
    }

    private void openArchive(ArchiveSettings of) {
        ObjectFormat format = new ObjectFormat(of.compression(), of.encryption());
        ObjectStore opened = of.location().open();
        store = opened;
        try {
            // Only asked which archive was used before.
            Optional<String> id = new ArchiveTier(opened, format, new DurableFiles(storage), data).knownId();
            archive = Optional.of(ArchiveReader.open(opened, format, id));
        } catch (IOException e) {
            archiveFailure = e;
        }
    }

    /**
     * @param given the cluster that was asked for
     * @throws IOException when nothing can be looked at, or it is not clear what
     */
    Verification verification(Optional<SystemId> given, boolean quick, Progress progress) throws IOException {
        SystemId system = system(given);
        Optional<Verification.Disk> disk = known.map(wal -> new Verification.Disk(storage, wal));
        Verification verification = new Verification(system, segmentSize(system), disk, archive, quick, progress);
        if (diskFailure != null) {
            verification.without(Tier.DISK, String.valueOf(diskFailure.getMessage()));
        }
        if (archiveFailure != null) {
            verification.without(Tier.ARCHIVE, String.valueOf(archiveFailure.getMessage()));
        }
        return verification;
    }

    private SystemId system(Optional<SystemId> given) throws IOException {
        if (known.isPresent()) {
            SystemId own = known.get().system();
            if (given.isPresent() && !given.get().equals(own)) {
                throw new IOException("%s is of cluster %s; --system %s expects another data directory, or with --data one that is not there, the archive alone"
                        .formatted(data, own, given.get()));
            }
            return own;
        }
        List<SystemId> systems = reader().systems();
        if (given.isPresent() && systems.contains(given.get())) {
            return given.get();
        }
        if (given.isEmpty() && systems.size() == 1) {
            return systems.getFirst();
        }
        String all = systems.stream().map(SystemId::toString).sorted().collect(Collectors.joining(", "));
        if (systems.isEmpty()) {
            throw new IOException("%s has nothing of any cluster".formatted(reader()));
        }
        throw new IOException(given.isPresent()
                ? "%s has nothing of cluster %s; expected one of %s".formatted(reader(), given.get(), all)
                : "%s has WAL of more than one cluster; choose with --system: %s".formatted(reader(), all));
    }

    /** The archive, for what the data directory does not say. */
    private ArchiveReader reader() throws IOException {
        if (archive.isPresent()) {
            return archive.get();
        }
        if (archiveFailure != null) {
            throw archiveFailure;
        }
        if (diskFailure != null) {
            throw diskFailure;
        }
        throw new IOException("there is no relay's data in %s, and no archive is configured; expected --data DIR, --archive URL or a configuration file with -c".formatted(data));
    }

    private SegmentSize segmentSize(SystemId system) throws IOException {
        if (known.isPresent()) {
            return known.get().segmentSize();
        }
        return ArchivedSize.find(reader(), system).orElseThrow(() -> new IOException("no segment of cluster %s in %s says how large segments are".formatted(system, archive.map(Object::toString).orElse(""))));
    }

    /** Whether the relay says which lineage it follows. */
    boolean knowsOwnLineage() {
        return known.isPresent();
    }

    /** Where all this is, for the report. */
    String places() {
        String disk = known.isPresent() ? data.toString() : "no relay's data in " + data;
        return disk + settings.map(_ -> ", " + store).orElse(", no archive");
    }

    @Override
    public void close() {
        if (store != null) {
            store.close();
        }
    }
}
