package io.walrelay.cache.archive;

import io.walrelay.cache.archive.ObjectFormat.Plain;
import io.walrelay.cache.archive.ObjectFormat.Proof;
import io.walrelay.cache.archive.ObjectIdentity.Checksum;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The archive of one cluster.
 *
 * <pre>
 *   walrelay-archive                                  a line that no other archive has
 *   SYSTEM/LINEAGE/00000002.history
 *   SYSTEM/LINEAGE/0000000200000000/000000020000000000000003
 *   SYSTEM/LINEAGE/0000000200000000/000000020000000000000003.conflict-5F1C22AA
 *   SYSTEM/pins/…, SYSTEM/deletions/…                 see {@link ArchiveNotes}
 * </pre>
 *
 * <p>An object is never overwritten: other bytes under a name that is taken are kept beside it. Thread-safe; blocks for as long as the store
 * does, which is closed by whoever opened it.
 */
public final class Archive {

    /** What became of a put. */
    public sealed interface Put {
        record Stored() implements Put {}

        /** Somebody had put the same bytes. */
        record AlreadyThere() implements Put {}

        /** The name has other bytes; ours are kept under {@code key}. */
        record Conflict(String key) implements Put {}
    }

    private static final String MARKER = "walrelay-archive";
    private static final Pattern LINEAGE = Pattern.compile("(?<timeline>[0-9]{1,10})@[0-9A-F]{1,8}_[0-9A-F]{1,8}-[0-9a-f]{8}");

    /** A line for each promotion that there ever was. */
    private static final int LONGEST_HISTORY = 1 << 20;

    /** What a compressed block becomes, and more: a write for each piece costs, where files take them. */
    private static final int BUFFER = 1 << 18;

    private static final Put STORED = new Put.Stored();
    private static final Put ALREADY_THERE = new Put.AlreadyThere();

    private final ObjectStore store;
    private final ObjectFormat format;
    private final SystemId system;
    private final Path spool;
    private final String id;

    private Archive(ObjectStore store, ObjectFormat format, SystemId system, Path spool, String id) {
        this.store = store;
        this.format = format;
        this.system = system;
        this.spool = spool;
        this.id = id;
    }

    /**
     * Opens the archive, and marks it as one when it has no mark yet.
     *
     * @param known the id of the archive that was used before; empty when none was
     * @param spool an existing directory for objects on their way
     * @throws IOException when the archive can't be asked, or is not the known one: what is behind an empty mount point knows nothing of
     *     what is absent
     */
    public static Archive open(ObjectStore store, ObjectFormat format, SystemId system, Path spool, Optional<String> known) throws IOException {
        Optional<String> found = readMark(store);
        if (found.isEmpty() && known.isEmpty()) {
            Path mark = Files.createTempFile(spool, "mark", null);
            try {
                Files.writeString(mark, UUID.randomUUID() + "\n");
                store.putIfAbsent(MARKER, mark);
            } finally {
                Files.deleteIfExists(mark);
            }
            found = readMark(store);
        }
        return new Archive(store, format, system, spool, expect(store, found, known));
    }

    static Optional<String> readMark(ObjectStore store) throws IOException {
        Optional<InputStream> mark = store.get(MARKER);
        if (mark.isEmpty()) {
            return Optional.empty();
        }
        try (InputStream in = mark.get()) {
            return Optional.of(new String(in.readNBytes(100), StandardCharsets.US_ASCII).strip());
        }
    }

    static String expect(ObjectStore store, Optional<String> found, Optional<String> known) throws IOException {
        if (found.isEmpty()) {
            throw new IOException("%s is no archive: it has no %s%s".formatted(store, MARKER, known.isPresent() ? "; is it mounted?" : ""));
        }
        if (known.isPresent() && !known.equals(found)) {
            throw new IOException("%s is archive %s; expected archive %s, which was used before. If that is right, delete the file archive in the data directory"
                    .formatted(store, found.get(), known.get()));
        }
        return found.get();
    }

    /** What no other archive has. */
    public String id() {
        return id;
    }

    /**
     * Stores a file, unless the same is there.
     *
     * @throws IOException when the archive could not be asked, or {@code plain} not be read; the same may be tried again
     */
    public Put put(ArchivedName name, Plain plain) throws IOException {
        ObjectIdentity identity = new ObjectIdentity(system.toString(), name.lineage().id(), name.fileName(), checksum(plain));
        String key = key(name);
        // The key says which timelines and switch points it has; the reasons are free text.
        boolean sameHistory = name.file() instanceof WalFileName.History && store.find(key).isPresent();
        if (sameHistory || sameAt(key, identity.content()).orElse(false)) {
            return ALREADY_THERE;
        }
        requireMark();
        Path object = Files.createTempFile(spool, name.fileName() + ".", null);
        try {
            format.write(identity, plain, Files.newOutputStream(object));
            if (store.putIfAbsent(key, object)) {
                return STORED;
            }
            if (sameAt(key, identity.content()).orElseThrow(() -> new IOException("%s vanished from %s while it was put".formatted(key, store)))) {
                return ALREADY_THERE;
            }
            String beside = "%s.conflict-%08X".formatted(key, identity.content().crc32c());
            store.putIfAbsent(beside, object);
            return new Put.Conflict(beside);
        } finally {
            Files.deleteIfExists(object);
        }
    }

    private static Checksum checksum(Plain plain) throws IOException {
        try (InputStream in = plain.open()) {
            return Checksum.of(in);
        }
    }

    /** Whether the object under {@code key} has that content; empty when there is none. */
    private Optional<Boolean> sameAt(String key, Checksum content) throws IOException {
        Optional<InputStream> object = store.get(key);
        if (object.isEmpty()) {
            return Optional.empty();
        }
        try (InputStream in = object.get()) {
            ObjectFormat.Opened opened = format.read(in, Proof.CRC);
            Checksum there = opened.identity().isPresent() ? opened.identity().get().content() : Checksum.of(opened.plain());
            return Optional.of(there.equals(content));
        } catch (DamagedObjectException e) {
            throw about(key, e);
        }
    }

    /**
     * Copies a file's plain bytes to {@code into}, which is left open.
     *
     * @return false when the archive provably has no such file; nothing was written then
     * @throws DamagedObjectException when it has one that is not what it says; something may have been written
     */
    public boolean fetch(ArchivedName name, OutputStream into) throws IOException {
        return copy(key(name), into);
    }

    /** As {@link #fetch}, of what was put beside something else: {@link Put.Conflict}. */
    public boolean fetchBeside(String key, OutputStream into) throws IOException {
        return copy(key, into);
    }

    private boolean copy(String key, OutputStream into) throws IOException {
        Optional<InputStream> object = store.get(key);
        if (object.isEmpty()) {
            requireMark();
            return false;
        }
        try (InputStream in = object.get();
                ObjectFormat.Opened opened = format.read(in, Proof.CRC)) {
            byte[] buffer = new byte[BUFFER];
            for (int n = opened.plain().read(buffer); n >= 0; n = opened.plain().read(buffer)) {
                into.write(buffer, 0, n);
            }
            return true;
        } catch (DamagedObjectException e) {
            throw about(key, e);
        }
    }

    /** Whether the archive has the file. */
    public boolean has(ArchivedName name) throws IOException {
        boolean there = store.find(key(name)).isPresent();
        if (!there) {
            requireMark();
        }
        return there;
    }

    /** That nothing is found proves something only where the archive is. */
    void requireMark() throws IOException {
        expect(store, readMark(store), Optional.of(id));
    }

    private DamagedObjectException about(String key, DamagedObjectException e) {
        return new DamagedObjectException("%s/%s is damaged: %s".formatted(store, key, e.getMessage()), e);
    }

    private String key(ArchivedName name) {
        return system + "/" + name.key();
    }

    /** The directories of the lineages that the archive has something of; see {@link io.walrelay.wal.TimelineHistory#directoryName}. */
    public List<String> lineages() throws IOException {
        List<String> names = new ArrayList<>(store.children(system.toString()));
        names.removeIf(ArchiveNotes::areIn);
        if (names.isEmpty()) {
            requireMark();
        }
        return names;
    }

    /**
     * The lineage that one of {@link #lineages} is; empty when that can't be told, because the archive has no history of it (yet) or it is no
     * lineage's directory.
     */
    public Optional<TimelineHistory> lineage(String directory) throws IOException {
        Matcher m = LINEAGE.matcher(directory);
        if (!m.matches()) {
            return Optional.empty();
        }
        TimelineId timeline;
        try {
            timeline = TimelineId.parse(m.group("timeline"));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
        TimelineHistory root = TimelineHistory.root(timeline);
        if (root.directoryName().equals(directory)) {
            return Optional.of(root);
        }
        String key = "%s/%s/%s".formatted(system, directory, new WalFileName.History(timeline).fileName(SegmentSize.DEFAULT));
        Optional<InputStream> object = store.get(key);
        if (object.isEmpty()) {
            return Optional.empty();
        }
        try (InputStream in = object.get();
                ObjectFormat.Opened opened = format.read(in, Proof.CRC)) {
            String text = new String(opened.plain().readNBytes(LONGEST_HISTORY), StandardCharsets.UTF_8);
            return Optional.of(TimelineHistory.parse(timeline, text)).filter(lineage -> lineage.directoryName().equals(directory));
        } catch (DamagedObjectException e) {
            throw about(key, e);
        } catch (IllegalArgumentException e) {
            throw new DamagedObjectException("%s/%s is no history: %s".formatted(store, key, e.getMessage()), e);
        }
    }

    /** What the archive has of a lineage: file names, conflicts among them, in no order. */
    public void list(String lineage, Consumer<ObjectStore.Listed> each) throws IOException {
        store.list(system + "/" + lineage, each);
    }

    /**
     * Deletes an object that {@link #list} has shown; nothing happens when it is gone.
     *
     * @throws IOException when it may still be there
     */
    public void delete(ObjectStore.Listed object) throws IOException {
        store.delete(object.key());
    }

    /** What is said in it. */
    public ArchiveNotes notes() {
        return new ArchiveNotes(this, store, system.toString(), spool);
    }

    /** Which clusters an archive has something of. */
    public static List<SystemId> systems(ObjectStore store) throws IOException {
        return store.children("").stream().filter(name -> name.matches("[0-9]+")).map(SystemId::parse).toList();
    }

    @Override
    public String toString() {
        return store.toString();
    }
}
