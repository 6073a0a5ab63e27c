package io.walrelay.cache.storage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * {@link Storage} in memory that keeps over a crash what POSIX promises and no more. A fixture for tests of whatever must
 * survive a power loss.
 *
 * <p>What was not synced is kept or lost at random: of a file each sector of 512 bytes by itself; of names each creation,
 * renaming and deletion by itself, whatever came after it. A rename is lost or kept as a whole; one between directories is
 * durable when both were synced. {@link #crash} gives one of the states that a seed may leave; this storage then refuses
 * everything, as the disk of a dead machine does.
 *
 * <p>A sync that fails leaves its sectors clean for the kernel but unknown on the disk, as Linux does: the next sync succeeds
 * without writing them, until they are written again. Thread-safe. Files have no {@link File#channel}.
 */
public final class CrashableStorage implements Storage {

    private static final int SECTOR = 512;

    /** What stands for the machine's death: every operation from then on. */
    public static final class CrashedException extends IOException {
        private static final long serialVersionUID = 1;

        CrashedException() {
            super("the machine has crashed");
        }
    }

    private static final class Inode {
        private byte[] content = new byte[0];
        private byte[] durable = new byte[0];
        /** Sectors that the next sync writes. */
        private final BitSet dirty = new BitSet();
        /** Sectors that a failed sync may or may not have written, and that no later one will. */
        private final BitSet unknown = new BitSet();

        private Instant modified = Instant.EPOCH;

        void write(ByteBuffer bytes, int offset) {
            int end = offset + bytes.remaining();
            if (end > content.length) {
                content = Arrays.copyOf(content, end);
            }
            if (bytes.hasRemaining()) {
                dirty.set(offset / SECTOR, (end - 1) / SECTOR + 1);
                unknown.clear(offset / SECTOR, (end - 1) / SECTOR + 1);
            }
            bytes.get(content, offset, bytes.remaining());
        }

        void sync() {
            durable = Arrays.copyOf(durable, content.length);
            dirty.stream().forEach(sector -> keep(durable, sector));
            dirty.clear();
        }

        void failSync() {
            unknown.or(dirty);
            dirty.clear();
        }

        Inode afterCrash(Random random) {
            Inode after = new Inode();
            BitSet open = (BitSet) dirty.clone();
            open.or(unknown);
            boolean grown = durable.length == content.length || random.nextBoolean();
            after.content = Arrays.copyOf(durable, grown ? content.length : durable.length);
            // All, none, or any of them: the extremes are what really happens most.
            int chance = random.nextInt(4);
            open.stream()
                    .filter(sector -> chance == 0 || (chance > 1 && random.nextBoolean()))
                    .forEach(sector -> keep(after.content, sector));
            after.durable = after.content.clone();
            after.modified = modified;
            return after;
        }

        private void keep(byte[] into, int sector) {
            int from = sector * SECTOR;
            int length = Math.min(SECTOR, Math.min(content.length, into.length) - from);
            if (length > 0) {
                System.arraycopy(content, from, into, from, length);
            }
        }
    }

    /** A change of names that is not durable before all of {@code unsynced} are. */
    private static final class NameChange {
        private final String from;
        private final String to;
        private final Inode inode;
        private final Set<String> unsynced;

        NameChange(String from, String to, Inode inode) {
            this.from = from;
            this.to = to;
            this.inode = inode;
            this.unsynced = new HashSet<>();
            List.of(from, to).stream().filter(path -> !path.isEmpty()).forEach(path -> unsynced.add(directoryOf(path)));
        }

        void apply(Map<String, Inode> names) {
            if (!to.isEmpty()) {
                names.put(to, inode);
            }
            if (!from.isEmpty() && names.get(from) == inode) {
                names.remove(from);
            }
        }
    }

    private final Map<String, Inode> names = new HashMap<>();
    private final Map<String, Inode> durableNames = new HashMap<>();
    private final List<NameChange> changes = new ArrayList<>();
    private final Set<String> directories = new HashSet<>(Set.of(""));
    private final Set<String> unsyncedDirectories = new HashSet<>();
    private Instant now = Instant.EPOCH;
    private long capacity = Long.MAX_VALUE;
    private long operations;
    private long crashAt = Long.MAX_VALUE;
    private boolean crashed;
    private Predicate<String> failingSyncs = path -> false;
    private Predicate<String> failingReads = path -> false;

    /** Changes to the disk so far: creations, writes, syncs, renames, deletions. */
    public synchronized long operations() {
        return operations;
    }

    /** The machine dies instead of beginning the {@code k}-th change from now on; 1 is the next. */
    public synchronized void crashBeforeOperation(long k) {
        crashAt = operations + k;
    }

    /** The next sync of a file or directory whose path is matched fails, once. */
    public synchronized void failNextSync(Predicate<String> path) {
        failingSyncs = path;
    }

    /** Reads of files whose path is matched fail from now on. */
    public synchronized void failReads(Predicate<String> path) {
        failingReads = path;
    }

    /** How many bytes all files may have together. */
    public synchronized void limitTo(long bytes) {
        capacity = bytes;
    }

    /** What files that are written from now on say of when that was. */
    public synchronized void setTime(Instant time) {
        now = time;
    }

    public synchronized long usedBytes() {
        return names.values().stream().mapToLong(inode -> inode.content.length).sum();
    }

    /** The machine dies, if it did not yet. The disk as it comes up again, by the chances of {@code seed}. */
    public synchronized CrashableStorage crash(long seed) {
        crashed = true;
        return copyAfterCrash(seed);
    }

    /** What {@link #crash} would give now, while this machine lives on. */
    public synchronized CrashableStorage copyAfterCrash(long seed) {
        Random random = new Random(seed);
        Map<String, Inode> left = new HashMap<>(durableNames);
        int chance = random.nextInt(4);
        for (NameChange change : changes) {
            if (chance == 0 || (chance > 1 && random.nextBoolean())) {
                change.apply(left);
            }
        }
        CrashableStorage after = new CrashableStorage();
        for (String directory : directories) {
            if (!unsyncedDirectories.contains(directory) || random.nextBoolean()) {
                after.directories.add(directory);
            }
        }
        after.directories.removeIf(directory -> !directory.isEmpty() && !after.directories.contains(directoryOf(directory)));
        IdentityHashMap<Inode, Inode> contents = new IdentityHashMap<>();
        left.keySet().stream().sorted().filter(path -> after.directories.contains(directoryOf(path))).forEach(path ->
                after.names.put(path, contents.computeIfAbsent(left.get(path), inode -> inode.afterCrash(random))));
        after.durableNames.putAll(after.names);
        after.capacity = capacity;
        after.now = now;
        return after;
    }

    private void change() throws CrashedException {
        requireAlive();
        operations++;
        if (operations >= crashAt) {
            crashed = true;
            throw new CrashedException();
        }
    }

    private void requireAlive() throws CrashedException {
        if (crashed) {
            throw new CrashedException();
        }
    }

    @Override
    public synchronized void createDirectory(String path) throws IOException {
        requireAlive();
        if (!directories.contains(path)) {
            change();
            directories.add(path);
            unsyncedDirectories.add(path);
        }
    }

    @Override
    public synchronized List<String> list(String directory) throws IOException {
        requireAlive();
        return Stream.concat(names.keySet().stream(), directories.stream().filter(path -> !path.isEmpty()))
                .filter(path -> directoryOf(path).equals(directory))
                .map(CrashableStorage::nameOf)
                .toList();
    }

    @Override
    public synchronized File create(String path) throws IOException {
        if (names.containsKey(path)) {
            throw new FileAlreadyExistsException(path);
        }
        if (!directories.contains(directoryOf(path))) {
            throw new NoSuchFileException(path);
        }
        change();
        Inode inode = new Inode();
        inode.modified = now;
        names.put(path, inode);
        changes.add(new NameChange("", path, inode));
        return new OpenFile(path, inode);
    }

    @Override
    public synchronized File open(String path) throws IOException {
        requireAlive();
        return new OpenFile(path, require(path));
    }

    @Override
    public synchronized boolean exists(String path) throws IOException {
        requireAlive();
        return names.containsKey(path);
    }

    @Override
    public synchronized void rename(String from, String to) throws IOException {
        Inode inode = require(from);
        if (!directories.contains(directoryOf(to))) {
            throw new NoSuchFileException(to);
        }
        change();
        names.remove(from);
        names.put(to, inode);
        changes.add(new NameChange(from, to, inode));
    }

    @Override
    public synchronized void delete(String path) throws IOException {
        Inode inode = require(path);
        change();
        names.remove(path);
        changes.add(new NameChange(path, "", inode));
    }

    @Override
    public synchronized Instant lastModified(String path) throws IOException {
        requireAlive();
        return require(path).modified;
    }

    @Override
    public synchronized void syncDirectory(String path) throws IOException {
        change();
        if (failingSyncs.test(path)) {
            failingSyncs = any -> false;
            throw new IOException("Input/output error");
        }
        for (NameChange change : changes) {
            change.unsynced.remove(path);
            if (change.unsynced.isEmpty()) {
                change.apply(durableNames);
            }
        }
        changes.removeIf(change -> change.unsynced.isEmpty());
        unsyncedDirectories.removeIf(directory -> directoryOf(directory).equals(path));
    }

    @Override
    public synchronized long freeBytes() {
        return capacity - usedBytes();
    }

    private Inode require(String path) throws NoSuchFileException {
        Inode inode = names.get(path);
        if (inode == null) {
            throw new NoSuchFileException(path);
        }
        return inode;
    }

    private static String directoryOf(String path) {
        return path.substring(0, Math.max(0, path.lastIndexOf('/')));
    }

    private static String nameOf(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    private final class OpenFile implements File {

        private final String path;
        private final Inode inode;

        OpenFile(String path, Inode inode) {
            this.path = path;
            this.inode = inode;
        }

        @Override
        public void write(ByteBuffer bytes, long offset) throws IOException {
            synchronized (CrashableStorage.this) {
                change();
                long growth = offset + bytes.remaining() - inode.content.length;
                if (growth > 0 && growth > freeBytes()) {
                    throw new IOException("No space left on device");
                }
                inode.write(bytes, Math.toIntExact(offset));
                inode.modified = now;
            }
        }

        @Override
        public void reserve(long bytes) throws IOException {
            synchronized (CrashableStorage.this) {
                change();
                long growth = bytes - inode.content.length;
                if (growth > freeBytes()) {
                    throw new IOException("No space left on device");
                }
                if (growth > 0) {
                    inode.content = Arrays.copyOf(inode.content, Math.toIntExact(bytes));
                }
            }
        }

        @Override
        public int read(ByteBuffer into, long offset) throws IOException {
            synchronized (CrashableStorage.this) {
                requireAlive();
                if (failingReads.test(path)) {
                    throw new IOException("Input/output error");
                }
                int n = Math.clamp(inode.content.length - offset, 0, into.remaining());
                if (n > 0) {
                    into.put(inode.content, (int) offset, n);
                }
                return n;
            }
        }

        @Override
        public void sync() throws IOException {
            synchronized (CrashableStorage.this) {
                change();
                if (names.entrySet().stream().anyMatch(name -> name.getValue() == inode && failingSyncs.test(name.getKey()))) {
                    failingSyncs = any -> false;
                    inode.failSync();
                    throw new IOException("Input/output error");
                }
                inode.sync();
            }
        }

        @Override
        public long size() throws IOException {
            synchronized (CrashableStorage.this) {
                requireAlive();
                return inode.content.length;
            }
        }

        @Override
        public FileChannel channel() {
            throw new UnsupportedOperationException(path + " is in memory: it has no channel");
        }

        @Override
        public void close() {}
    }
}
