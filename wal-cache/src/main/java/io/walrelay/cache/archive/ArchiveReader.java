package io.walrelay.cache.archive;

import io.walrelay.cache.archive.ObjectFormat.Proof;
import io.walrelay.wal.SystemId;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An archive for whoever only looks: nothing is put into it, not even the mark of one that is new. Thread-safe; blocks for as long as the
 * store does, which is closed by whoever opened it.
 */
public final class ArchiveReader {

    private static final Pattern GROUP = Pattern.compile("[0-9A-F]{16}");
    private static final Pattern SEGMENT = Pattern.compile("[0-9A-F]{24}");
    private static final Pattern BESIDE = Pattern.compile("(.+)\\.conflict-[0-9A-F]{8}");

    private final ObjectStore store;
    private final ObjectFormat format;
    private final String id;

    private ArchiveReader(ObjectStore store, ObjectFormat format, String id) {
        this.store = store;
        this.format = format;
        this.id = id;
    }

    /**
     * Opens an archive that is there.
     *
     * @param known the id of the archive that was used before; empty when none was
     * @throws IOException when the archive can't be asked, is none, or is not the known one
     */
    public static ArchiveReader open(ObjectStore store, ObjectFormat format, Optional<String> known) throws IOException {
        return new ArchiveReader(store, format, Archive.expect(store, Archive.readMark(store), known));
    }

    /** Which clusters it has something of. */
    public List<SystemId> systems() throws IOException {
        return Archive.systems(store);
    }

    /** What lies right below the cluster's own directory, but for {@link ArchiveNotes}: the lineages', see {@link io.walrelay.wal.TimelineHistory#directoryName}. */
    public List<String> lineages(SystemId system) throws IOException {
        List<String> names = store.children(system.toString());
        if (names.isEmpty()) {
            requireMark();
        }
        return names.stream().filter(name -> !ArchiveNotes.areIn(name)).sorted().toList();
    }

    /** Every object of a lineage, in no order. */
    public void list(SystemId system, String lineage, Consumer<ObjectStore.Listed> each) throws IOException {
        store.list(system + "/" + lineage, each);
        // It may have gone away while it was listed.
        requireMark();
    }

    /** The keys of a lineage's oldest whole segments, of a few thousand at most: for whoever wants any. */
    public List<String> someSegments(SystemId system, String lineage) throws IOException {
        String directory = system + "/" + lineage;
        for (String group : store.children(directory).stream().filter(name -> GROUP.matcher(name).matches()).sorted().toList()) {
            List<String> names = store.children(directory + "/" + group).stream().filter(name -> SEGMENT.matcher(name).matches()).sorted().toList();
            if (!names.isEmpty()) {
                return names.stream().map(name -> "%s/%s/%s".formatted(directory, group, name)).toList();
            }
        }
        return List.of();
    }

    /** The key under which a file is put. */
    public static String key(SystemId system, ArchivedName name) {
        return system + "/" + name.key();
    }

    /** The key beside which an object was put because it had other bytes; empty when it has a key of its own. */
    public static Optional<String> besideWhat(String key) {
        Matcher beside = BESIDE.matcher(key);
        return beside.matches() ? Optional.of(beside.group(1)) : Optional.empty();
    }

    /** Whether there is an object under {@code key}. */
    public boolean has(String key) throws IOException {
        boolean there = store.find(key).isPresent();
        if (!there) {
            requireMark();
        }
        return there;
    }

    /**
     * Copies an object's plain bytes to {@code into}, which is left open.
     *
     * @return false when there is none; nothing was written then
     * @throws DamagedObjectException when it is not what it says, or says that it is something else than its key; something may have been
     *     written
     */
    public boolean read(String key, OutputStream into) throws IOException {
        Optional<InputStream> object = store.get(key);
        if (object.isEmpty()) {
            requireMark();
            return false;
        }
        try (InputStream in = object.get();
                ObjectFormat.Opened opened = format.read(in, Proof.SHA_256)) {
            if (opened.identity().isPresent()) {
                requireIdentity(key, opened.identity().get());
            }
            opened.plain().transferTo(into);
            return true;
        }
    }

    /** As in {@link Archive}: that nothing is found proves something only where the archive is. */
    private void requireMark() throws IOException {
        Archive.expect(store, Archive.readMark(store), Optional.of(id));
    }

    /** An object that lies where it does not belong would be good in every other respect. */
    private static void requireIdentity(String key, ObjectIdentity identity) throws DamagedObjectException {
        String place = besideWhat(key).orElse(key);
        String own = "%s/%s/".formatted(identity.system(), identity.lineage().replace('/', '_'));
        if (!place.startsWith(own) || !place.endsWith("/" + identity.name())) {
            throw new DamagedObjectException(
                    "it says that it is %s of lineage %s of cluster %s".formatted(identity.name(), identity.lineage(), identity.system()));
        }
    }

    @Override
    public String toString() {
        return store.toString();
    }
}
