package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * {@link Disk} in memory that keeps over a crash what POSIX promises and no more.
 *
 * <p>What was not synced is kept or lost at random: of a file each sector of 512 bytes by itself, and its length; of names each making,
 * renaming and removal by itself, whatever came after it. A rename is lost or kept as a whole; one between directories is durable when
 * both were synced. Times are those of a clock that ticks with each change. Confined to one thread, but for the content of files: one may be
 * written by a thread while another reads others.
 */
final class FragileDisk implements Disk {

    private static final Set<PosixFilePermission> ALL = PosixFilePermissions.fromString("rwxr-xr-x");
    private static final int MOST_LINKS = 20;

    /** What stands for the machine's death: every operation from then on. */
    static final class CrashedException extends IOException {
        private static final long serialVersionUID = 1;

        CrashedException() {
            super("the machine has crashed");
        }
    }

    private final FragileNode root;
    private final List<NameChange> changes = new ArrayList<>();
    private long clock;
    /** How many bytes the files of a file system may have together. */
    private final Map<Path, Long> capacities = new HashMap<>();

    private long claimed = -1;
    private long operations;
    private long crashAt = Long.MAX_VALUE;
    private boolean crashed;
    private Predicate<Path> failingSyncs = _ -> false;

    FragileDisk() {
        this(new FragileNode(Kind.DIRECTORY, ALL, FileTime.fromMillis(0), null), 1);
    }

    private FragileDisk(FragileNode root, long clock) {
        this.root = root;
        this.clock = clock;
    }

    /** Changes so far, syncs among them. */
    long operations() {
        return operations;
    }

    /** The machine dies instead of beginning the {@code k}-th change from now on; 1 is the next. */
    void crashBeforeOperation(long k) {
        crashAt = operations + k;
    }

    /** Leaves a file system room for so many bytes more than it has. */
    void limitRoom(Path mounted, long bytes) throws IOException {
        capacities.put(mounted, used(require(mounted)) + bytes);
    }

    /** Says that there is more room than there is, as a disk does that others fill meanwhile. */
    void claimFree(long bytes) {
        claimed = bytes;
    }

    /** The next sync of a file or directory whose path is matched fails, once. */
    void failNextSync(Predicate<Path> path) {
        failingSyncs = path;
    }

    /** Makes another file system begin at a directory. */
    void mount(Path directory) throws IOException {
        require(directory).mount = true;
    }

    /** Makes everything durable. */
    void syncAll() {
        changes.forEach(change -> change.apply(node -> node.durableEntries));
        changes.clear();
        syncBelow(root);
    }

    private static void syncBelow(FragileNode node) {
        node.sync();
        node.entries.values().forEach(FragileDisk::syncBelow);
    }

    /** The machine dies, if it did not yet. The disk as it comes up again, by the chances of {@code seed}. */
    FragileDisk crash(long seed) {
        crashed = true;
        Random random = new Random(seed);
        IdentityHashMap<FragileNode, Map<String, FragileNode>> left = new IdentityHashMap<>();
        int chance = random.nextInt(4);
        for (NameChange change : changes) {
            if (chance == 0 || (chance > 1 && random.nextBoolean())) {
                change.apply(directory -> left.computeIfAbsent(directory, node -> new TreeMap<>(node.durableEntries)));
            }
        }
        FragileDisk after = new FragileDisk(copy(root, left, random, new IdentityHashMap<>()), clock);
        after.capacities.putAll(capacities);
        return after;
    }

    private static FragileNode copy(
            FragileNode node, Map<FragileNode, Map<String, FragileNode>> left, Random random, Map<FragileNode, FragileNode> copies) {
        FragileNode known = copies.get(node);
        if (known != null) {
            return known;
        }
        FragileNode after = node.afterCrash(random);
        copies.put(node, after);
        left.getOrDefault(node, node.durableEntries).forEach((name, child) -> after.entries.put(name, copy(child, left, random, copies)));
        after.durableEntries.putAll(after.entries);
        return after;
    }

    private synchronized void change() throws CrashedException {
        requireAlive();
        operations++;
        clock++;
        if (operations >= crashAt) {
            crashed = true;
            throw new CrashedException();
        }
    }

    private synchronized void requireAlive() throws CrashedException {
        if (crashed) {
            throw new CrashedException();
        }
    }

    private NameChange.Place place(Path path) throws IOException {
        requireAlive();
        Path parent = path.getParent();
        if (parent == null) {
            throw new FileSystemException(path.toString(), null, "the root");
        }
        FragileNode directory = follow(parent, MOST_LINKS);
        if (directory.kind != Kind.DIRECTORY) {
            throw new FileSystemException(parent.toString(), null, "Not a directory");
        }
        return new NameChange.Place(directory, path.getFileName().toString());
    }

    private FragileNode require(Path path) throws IOException {
        requireAlive();
        FragileNode node = path.getParent() == null ? root : place(path).node();
        if (node == null) {
            throw new NoSuchFileException(path.toString());
        }
        return node;
    }

    private FragileNode follow(Path path, int links) throws IOException {
        FragileNode node = require(path);
        if (node.target == null) {
            return node;
        }
        if (links == 0) {
            throw new FileSystemException(path.toString(), null, "Too many levels of symbolic links");
        }
        return follow(path.resolveSibling(node.target).normalize(), links - 1);
    }

    private synchronized FileTime now() {
        return FileTime.fromMillis(clock);
    }

    @Override
    public Optional<Attributes> look(Path path) throws IOException {
        try {
            FragileNode node = require(path);
            return Optional.of(new Attributes(node.kind, node.content.length, node.mode, node.modified));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    @Override
    public List<Path> list(Path directory) throws IOException {
        return follow(directory, MOST_LINKS).entries.keySet().stream().map(directory::resolve).toList();
    }

    private FragileNode make(Path path, Kind kind, Set<PosixFilePermission> mode, @Nullable Path target) throws IOException {
        NameChange.Place place = place(path);
        if (place.node() != null) {
            throw new FileAlreadyExistsException(path.toString());
        }
        change();
        FragileNode node = new FragileNode(kind, Set.copyOf(mode), now(), target);
        place.directory().entries.put(place.name(), node);
        changes.add(NameChange.of(null, place, node));
        return node;
    }

    @Override
    public File create(Path path, Set<PosixFilePermission> mode) throws IOException {
        return new OpenFile(path, make(path, Kind.FILE, mode, null));
    }

    @Override
    public File open(Path path) throws IOException {
        File file = openToRead(path);
        if (!require(path).mode.contains(PosixFilePermission.OWNER_WRITE)) {
            throw new AccessDeniedException(path.toString());
        }
        return file;
    }

    @Override
    public File openToRead(Path path) throws IOException {
        FragileNode node = require(path);
        if (node.kind != Kind.FILE) {
            throw new FileSystemException(path.toString(), null, "not a file");
        }
        return new OpenFile(path, node);
    }

    @Override
    public void createDirectory(Path path, Set<PosixFilePermission> mode) throws IOException {
        make(path, Kind.DIRECTORY, mode, null);
    }

    @Override
    public void createLink(Path path, Path target) throws IOException {
        make(path, Kind.LINK, ALL, target);
    }

    @Override
    public Path linkTarget(Path link) throws IOException {
        Path target = require(link).target;
        if (target == null) {
            throw new FileSystemException(link.toString(), null, "Invalid argument");
        }
        return target;
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        FragileNode node = require(from);
        NameChange.Place source = place(from);
        NameChange.Place target = place(to);
        if (!fileSystem(Disk.parentOf(from)).equals(fileSystem(Disk.parentOf(to))) || node.mount) {
            throw new AtomicMoveNotSupportedException(from.toString(), to.toString(), "Invalid cross-device link");
        }
        FragileNode replaced = target.node();
        if (replaced != null && (node.kind == Kind.DIRECTORY) != (replaced.kind == Kind.DIRECTORY)) {
            throw new FileSystemException(to.toString(), null, "a directory and something else");
        }
        requireEmpty(to, replaced);
        change();
        source.directory().entries.remove(source.name());
        target.directory().entries.put(target.name(), node);
        changes.add(NameChange.of(source, target, node));
    }

    @Override
    public void link(Path file, Path another) throws IOException {
        FragileNode node = require(file);
        NameChange.Place place = place(another);
        if (place.node() != null) {
            throw new FileAlreadyExistsException(another.toString());
        }
        change();
        place.directory().entries.put(place.name(), node);
        changes.add(NameChange.of(null, place, node));
    }

    @Override
    public void delete(Path path) throws IOException {
        FragileNode node = require(path);
        requireEmpty(path, node);
        change();
        NameChange.Place place = place(path);
        place.directory().entries.remove(place.name());
        changes.add(NameChange.of(place, null, node));
    }

    private static void requireEmpty(Path path, @Nullable FragileNode node) throws IOException {
        if (node != null && !node.entries.isEmpty()) {
            throw new DirectoryNotEmptyException(path.toString());
        }
    }

    @Override
    public void setMode(Path path, Set<PosixFilePermission> mode) throws IOException {
        change();
        follow(path, MOST_LINKS).mode = Set.copyOf(mode);
    }

    @Override
    public void setModified(Path path, FileTime time) throws IOException {
        change();
        follow(path, MOST_LINKS).modified = time;
    }

    @Override
    public void syncFiles(Collection<Path> files) throws IOException {
        for (Path path : files) {
            openToRead(path).sync();
        }
    }

    @Override
    public void syncDirectory(Path directory) throws IOException {
        FragileNode node = follow(directory, MOST_LINKS);
        change();
        failIfTold(directory);
        node.sync();
        for (NameChange change : changes) {
            change.unsynced().remove(node);
            if (change.unsynced().isEmpty()) {
                change.apply(any -> any.durableEntries);
            }
        }
        changes.removeIf(change -> change.unsynced().isEmpty());
    }

    private void failIfTold(Path path) throws IOException {
        if (failingSyncs.test(path)) {
            failingSyncs = _ -> false;
            throw new IOException("Input/output error");
        }
    }

    @Override
    public Path real(Path path) throws IOException {
        Path real = path.getRoot();
        for (Path name : path) {
            real = real.resolve(name);
            for (Path target = require(real).target; target != null; target = require(real).target) {
                real = real(real.resolveSibling(target).normalize());
            }
        }
        return real;
    }

    @Override
    public Object fileSystem(Path path) throws IOException {
        Path mounted = real(path);
        while (mounted.getParent() != null && !require(mounted).mount) {
            mounted = mounted.getParent();
        }
        return mounted;
    }

    @Override
    public long freeBytes(Path path) throws IOException {
        return claimed < 0 ? room(path) : claimed;
    }

    private long room(Path path) throws IOException {
        Path mounted = (Path) fileSystem(path);
        Long capacity = capacities.get(mounted);
        return capacity == null ? Long.MAX_VALUE : capacity - used(require(mounted));
    }

    private static long used(FragileNode node) {
        return node.content.length
                + node.entries.values().stream().filter(child -> !child.mount).mapToLong(FragileDisk::used).sum();
    }

    private final class OpenFile implements File {

        private final Path path;
        private final FragileNode node;

        OpenFile(Path path, FragileNode node) {
            this.path = path;
            this.node = node;
        }

        @Override
        public void write(ByteBuffer bytes, long offset) throws IOException {
            change();
            long growth = offset + bytes.remaining() - node.content.length;
            long room = growth <= 0 || capacities.isEmpty() ? Long.MAX_VALUE : room(path);
            if (growth > room) {
                int fits = (int) Math.max(0, bytes.remaining() - growth + room);
                node.write(bytes.slice(bytes.position(), fits), Math.toIntExact(offset));
                throw new IOException("No space left on device");
            }
            node.write(bytes, Math.toIntExact(offset));
            node.modified = now();
        }

        @Override
        public int read(ByteBuffer into, long offset) throws IOException {
            requireAlive();
            int n = (int) Math.clamp(node.content.length - offset, 0L, into.remaining());
            if (n > 0) {
                into.put(node.content, (int) offset, n);
            }
            return n;
        }

        @Override
        public void truncate(long length) throws IOException {
            if (length < node.content.length) {
                change();
                node.truncate(Math.toIntExact(length));
                node.modified = now();
            }
        }

        @Override
        public long size() throws IOException {
            requireAlive();
            return node.content.length;
        }

        @Override
        public void sync() throws IOException {
            change();
            failIfTold(path);
            node.sync();
        }

        @Override
        public void close() {}
    }
}
