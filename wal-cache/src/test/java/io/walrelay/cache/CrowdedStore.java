package io.walrelay.cache;

import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.ObjectStore;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** A store with very many segments of a timeline more, which are made while they are listed. It counts how many of those are held at the end of a listing. */
final class CrowdedStore implements ObjectStore {

    private static final TimelineHistory LINEAGE = TimelineHistory.root(new TimelineId(9));

    /** One of so many is watched. */
    private static final int WATCHED = 100;

    private final ObjectStore store;
    private final SystemId system;
    private final int segments;
    private final Instant stored;
    private final List<String> deleted = new CopyOnWriteArrayList<>();
    private volatile int mostHeld;

    /** @param stored when they all came */
    CrowdedStore(ObjectStore store, SystemId system, int segments, Instant stored) {
        this.store = store;
        this.system = system;
        this.segments = segments;
        this.stored = stored;
    }

    String key(int n) {
        return system + "/" + new ArchivedName(LINEAGE, new WalFileName.Segment(new SegmentId(LINEAGE.timeline(), n + 1L)), Caches.SEGMENT).key();
    }

    /** Of those, in order. */
    List<String> deleted() {
        return List.copyOf(deleted);
    }

    int mostHeld() {
        return mostHeld;
    }

    private String directory() {
        return system + "/" + LINEAGE.directoryName();
    }

    @Override
    public List<String> children(String directory) throws IOException {
        List<String> names = new ArrayList<>(store.children(directory));
        if (directory.equals(system.toString())) {
            names.add(LINEAGE.directoryName());
        }
        return names;
    }

    /** The youngest first: no order is promised. */
    @Override
    public void list(String directory, Consumer<Listed> each) throws IOException {
        store.list(directory, each);
        if (!directory.equals(directory())) {
            return;
        }
        List<WeakReference<Listed>> watched = new ArrayList<>();
        String prefix = directory + "/";
        for (int n = segments - 1; n >= deleted.size(); n--) {
            String name = new WalFileName.Segment(new SegmentId(LINEAGE.timeline(), n + 1L)).fileName(Caches.SEGMENT);
            Listed listed = new Listed(prefix + name.substring(0, 16) + "/" + name, Caches.MB, stored);
            each.accept(listed);
            if (n % WATCHED == 0) {
                watched.add(new WeakReference<>(listed));
            }
        }
        System.gc();
        int held = WATCHED * (int) watched.stream().filter(reference -> reference.get() != null).count();
        mostHeld = Math.max(mostHeld, held);
    }

    @Override
    public void delete(String key) throws IOException {
        if (key.startsWith(directory() + "/")) {
            deleted.add(key);
        } else {
            store.delete(key);
        }
    }

    @Override
    public boolean putIfAbsent(String key, Path content) throws IOException {
        return store.putIfAbsent(key, content);
    }

    @Override
    public Optional<InputStream> get(String key) throws IOException {
        return store.get(key);
    }

    @Override
    public Optional<Listed> find(String key) throws IOException {
        return store.find(key);
    }

    @Override
    public String toString() {
        return store.toString();
    }

    @Override
    public void close() {
        store.close();
    }
}
