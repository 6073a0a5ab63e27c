package io.walrelay.rewind.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A data directory with a tablespace and pg_wal elsewhere, and a change of it, both by the chances of a seed. What is done to a path does
 * not depend on what is there, as the plan of a rewind does not: it may be done again after a crash.
 *
 * <pre>
 *   /disk/pg        PGDATA, with base/0 to 2
 *      pg_wal ─▶ /wal/pg            another file system
 *      pg_tblspc/16384 ─▶ /ts/one   another file system; its parent as well, or a file system that begins right there
 * </pre>
 */
final class Scenario {

    private static final Path MEMORY = Path.of("/");

    /** PGDATA on a disk in memory. */
    static final Path DIRECTORY = Path.of("/disk/pg");

    private static final Set<PosixFilePermission> FILE = PosixFilePermissions.fromString("rw-------");
    private static final Set<PosixFilePermission> READ_ONLY = PosixFilePermissions.fromString("r--------");
    private static final Set<PosixFilePermission> FOLDER = PosixFilePermissions.fromString("rwx------");
    private static final Set<PosixFilePermission> GROUP_FOLDER = PosixFilePermissions.fromString("rwxr-x---");
    private static final List<String> FOLDERS = List.of("base/0", "base/1", "base/2", "pg_wal", "pg_tblspc/16384/PG_15");

    /** Files of which so much changes that they are made anew. */
    private static final List<String> MOSTLY_CHANGED = List.of("base/0/large", "base/1/large");

    private static final int LARGE = 300_000;

    static final DirectoryLock.Processes NO_PROCESSES = new DirectoryLock.Processes() {
        @Override
        public long self() {
            return 4711;
        }

        @Override
        public boolean mayBeServer(long pid) {
            return false;
        }

        @Override
        public boolean attached(long sharedMemoryId) {
            return false;
        }
    };

    /** What is done to one path. */
    sealed interface Step {
        String path();

        /** Cut at {@code length} if that is not negative, then overwritten at some offsets. */
        record Patch(String path, int length, Map<Integer, byte[]> pieces) implements Step {}

        @SuppressWarnings("ArrayRecordComponent")
        record Replace(String path, byte[] content, Set<PosixFilePermission> mode) implements Step {}

        record Remove(String path) implements Step {}

        record Folder(String path) implements Step {}

        record Link(String path, Path target) implements Step {}

        record Mode(String path, Set<PosixFilePermission> mode) implements Step {}
    }

    private final Path root;
    private final Path directory;
    private final long seed;
    private final int filesPerFolder;
    private final int fileSize;
    private final List<Step> steps;
    private final byte[] configuration;

    /** On a disk in memory. */
    Scenario(long seed, int filesPerFolder, int fileSize) {
        this(MEMORY, seed, filesPerFolder, fileSize);
    }

    /** @param root below which all of it is */
    Scenario(Path root, long seed, int filesPerFolder, int fileSize) {
        this.root = root;
        this.directory = root.resolve("disk/pg");
        this.seed = seed;
        this.filesPerFolder = filesPerFolder;
        this.fileSize = fileSize;
        Random random = new Random(seed);
        this.configuration = Contents.random(random, 100);
        this.steps = plan(random);
    }

    /** PGDATA. */
    Path directory() {
        return directory;
    }

    /** The directory before the change, on a new disk in memory, durable. */
    FragileDisk disk() throws IOException {
        FragileDisk disk = new FragileDisk();
        build(disk);
        disk.mount(Path.of("/disk"));
        disk.mount(Path.of("/wal"));
        // With its parent elsewhere, nothing can be renamed out of it: what it loses is copied.
        disk.mount(Path.of(new Random(seed).nextBoolean() ? "/ts" : "/ts/one"));
        disk.syncAll();
        return disk;
    }

    /** Makes the directory as it is before the change. */
    void build(Disk disk) throws IOException {
        Random random = new Random(~seed);
        for (String folder : List.of("disk", "disk/pg", "disk/pg/base", "disk/pg/pg_tblspc", "wal", "wal/pg", "ts", "ts/one")) {
            disk.createDirectory(root.resolve(folder), FOLDER);
        }
        disk.createLink(directory.resolve("pg_wal"), root.resolve("wal/pg"));
        disk.createLink(directory.resolve("pg_tblspc/16384"), root.resolve("ts/one"));
        if (random.nextBoolean()) {
            write(disk, Configuration.NAME, "work_mem = '1MB'\n".getBytes(StandardCharsets.UTF_8), FILE);
        }
        for (String folder : FOLDERS) {
            if (!folder.equals("pg_wal")) {
                disk.createDirectory(directory.resolve(folder), FOLDER);
            }
            for (int i = 0; i < filesPerFolder; i++) {
                write(disk, folder + "/" + i, Contents.random(random, size(folder + "/" + i)), mode(folder + "/" + i));
            }
        }
        for (String path : MOSTLY_CHANGED) {
            write(disk, path, Contents.random(random, LARGE), FILE);
        }
        disk.createDirectory(directory.resolve("base/2/inner"), FOLDER);
        write(disk, "base/2/inner/x", Contents.random(random, fileSize), FILE);
    }

    private void write(Disk disk, String path, byte[] content, Set<PosixFilePermission> mode) throws IOException {
        try (Disk.File file = disk.create(directory.resolve(path), mode)) {
            file.write(ByteBuffer.wrap(content), 0);
        }
    }

    private int size(String path) {
        Random random = new Random(seed + path.hashCode());
        return random.nextInt(4) == 0 ? 0 : 1 + random.nextInt(fileSize);
    }

    private Set<PosixFilePermission> mode(String path) {
        return new Random(seed - path.hashCode()).nextInt(5) == 0 ? READ_ONLY : FILE;
    }

    private List<Step> plan(Random random) {
        List<Step> all = new ArrayList<>();
        for (String folder : FOLDERS) {
            for (int i = 0; i < filesPerFolder; i++) {
                step(random, folder + "/" + i).ifPresent(all::add);
            }
            if (!folder.equals("base/2")) {
                all.add(new Step.Replace(folder + "/new", Contents.random(random, 1 + random.nextInt(fileSize)), FILE));
            }
        }
        for (String path : MOSTLY_CHANGED) {
            int cut = random.nextBoolean() ? -1 : LARGE - random.nextInt(30_000);
            Map<Integer, byte[]> pieces = new TreeMap<>();
            pieces.put(random.nextInt(9_000), Contents.random(random, 200_000));
            pieces.put(210_000 + random.nextInt(5_000), Contents.random(random, 70_000));
            if (cut < 0) {
                pieces.put(LARGE, Contents.random(random, random.nextInt(9_000)));
            }
            all.add(new Step.Patch(path, cut, pieces));
            all.add(new Step.Mode(path, GROUP_FOLDER));
        }
        all.add(new Step.Mode("", GROUP_FOLDER));
        all.add(new Step.Mode("base/1", GROUP_FOLDER));
        all.add(new Step.Folder("base/0"));
        all.add(new Step.Link("pg_tblspc/16385", root.resolve("ts/two")));
        Collections.shuffle(all, random);
        // One directory gives way to another of the same name, one comes, with something in each.
        all.add(new Step.Remove("base/2"));
        for (String folder : List.of("base/2", "base/3")) {
            all.add(new Step.Folder(folder));
            all.add(new Step.Replace(folder + "/0", Contents.random(random, 1 + random.nextInt(fileSize)), FILE));
        }
        return all;
    }

    private Optional<Step> step(Random random, String path) {
        // What is in base/2 goes with it: to change it first as well would not be possible a second time.
        int kind = path.startsWith("base/2") ? 1 : random.nextInt(6);
        return switch (kind) {
            case 0 -> Optional.of(new Step.Replace(path, Contents.random(random, 1 + random.nextInt(fileSize)), random.nextBoolean() ? FILE : READ_ONLY));
            case 1 -> Optional.of(new Step.Remove(path));
            case 2 -> Optional.of(new Step.Mode(path, GROUP_FOLDER));
            case 3, 4 -> mode(path).equals(FILE) ? Optional.of(patch(random, path)) : Optional.of(new Step.Remove(path));
            default -> Optional.empty();
        };
    }

    /** With no hole behind the end: what a hole holds depends on what was there before the file was cut. */
    private Step patch(Random random, String path) {
        int cut = random.nextInt(3) == 0 ? random.nextInt(size(path) + 1) : -1;
        int length = cut < 0 ? size(path) : cut;
        Map<Integer, byte[]> pieces = new TreeMap<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            int offset = random.nextInt(length + 1);
            byte[] piece = Contents.random(random, random.nextInt(fileSize));
            pieces.put(offset, piece);
            length = Math.max(length, offset + piece.length);
        }
        return new Step.Patch(path, cut, pieces);
    }

    private static Stream<Touch> touches(Step step) {
        return switch (step) {
            case Step.Patch(String path, int length, var pieces) -> Stream.concat(
                    length < 0 ? Stream.of() : Stream.of(new Touch.Length(path, length)),
                    pieces.entrySet().stream().map(piece -> new Touch.Bytes(path, piece.getKey(), piece.getValue().length)));
            case Step.Mode(String path, var _) -> Stream.of(new Touch.Mode(path));
            case Step.Replace _, Step.Remove _, Step.Link _ -> Stream.of(new Touch.Name(step.path()));
            case Step.Folder _ -> Stream.of();
        };
    }

    /** Does all of it, some announced and some not. */
    void apply(DirectoryChange change) throws IOException {
        apply(change, _ -> {});
    }

    /** @param before told of each step before it is done */
    void apply(DirectoryChange change, Consumer<Step> before) throws IOException {
        Random random = new Random(seed);
        for (int from = 0; from < steps.size(); ) {
            int to = Math.min(steps.size(), from + 1 + random.nextInt(8));
            boolean mostlyChanges = steps.subList(from, to).stream().anyMatch(step -> MOSTLY_CHANGED.contains(step.path()));
            if (random.nextBoolean() || mostlyChanges) {
                change.announce(steps.subList(from, to).stream().flatMap(Scenario::touches).toList());
            }
            for (Step step : steps.subList(from, to)) {
                before.accept(step);
                apply(change, step);
            }
            if (random.nextBoolean()) {
                change.syncBehind();
            }
            from = to;
        }
    }

    private static void apply(DirectoryChange change, Step step) throws IOException {
        switch (step) {
            case Step.Patch(String path, int length, var pieces) -> {
                if (length >= 0) {
                    change.truncate(path, length);
                }
                for (Map.Entry<Integer, byte[]> piece : pieces.entrySet()) {
                    change.overwrite(path, piece.getKey(), ByteBuffer.wrap(piece.getValue()));
                }
            }
            case Step.Replace(String path, byte[] content, var mode) -> {
                try (DirectoryChange.NewFile file = change.replace(path, mode)) {
                    int half = content.length / 2;
                    file.write(ByteBuffer.wrap(content, 0, half));
                    file.write(ByteBuffer.wrap(content, half, content.length - half));
                }
            }
            case Step.Remove(String path) -> change.remove(path);
            case Step.Folder(String path) -> change.createDirectory(path, FOLDER);
            case Step.Link(String path, Path target) -> change.createLink(path, target);
            case Step.Mode(String path, var mode) -> change.setMode(path, mode);
        }
    }

    byte[] configuration() {
        return configuration;
    }

    /** Does the same with no journal. */
    void applyPlainly(Disk disk) throws IOException {
        Trees trees = new Trees(disk);
        for (Step step : steps) {
            Path named = directory.resolve(step.path());
            Path path = disk.real(Disk.parentOf(named)).resolve(named.getFileName());
            switch (step) {
                case Step.Patch(String _, int length, var pieces) -> {
                    try (Disk.File file = disk.open(path)) {
                        if (length >= 0) {
                            file.truncate(length);
                        }
                        for (Map.Entry<Integer, byte[]> piece : pieces.entrySet()) {
                            file.write(ByteBuffer.wrap(piece.getValue()), piece.getKey());
                        }
                    }
                }
                case Step.Replace(String _, byte[] content, var mode) -> {
                    trees.delete(path);
                    try (Disk.File file = disk.create(path, mode)) {
                        file.write(ByteBuffer.wrap(content), 0);
                    }
                }
                case Step.Remove _ -> trees.delete(path);
                case Step.Folder _ -> {
                    if (disk.look(path).isEmpty()) {
                        disk.createDirectory(path, FOLDER);
                    }
                }
                case Step.Link(String _, Path target) -> disk.createLink(path, target);
                case Step.Mode(String _, var mode) -> disk.setMode(path, mode);
            }
        }
        Path auto = directory.resolve(Configuration.NAME);
        Set<PosixFilePermission> mode = disk.look(auto).map(Disk.Attributes::mode).orElse(FILE);
        trees.delete(auto);
        try (Disk.File file = disk.create(auto, mode)) {
            file.write(ByteBuffer.wrap(configuration), 0);
        }
    }

    /** Everything that there is, but for the lock: for each path what it is, its mode, content and, of files, time if asked. Paths are relative. */
    Map<Path, String> snapshot(Disk disk, boolean times) throws IOException {
        Map<Path, String> all = new TreeMap<>();
        snapshotBelow(disk, root, times, all);
        return all;
    }

    private void snapshotBelow(Disk disk, Path folder, boolean times, Map<Path, String> into) throws IOException {
        for (Path path : disk.list(folder)) {
            if (!path.getFileName().toString().startsWith(DirectoryLock.NAME)) {
                Disk.Attributes found = disk.look(path).orElseThrow();
                into.put(root.relativize(path), switch (found.kind()) {
                    case FILE -> "file %s %s %s".formatted(
                            PosixFilePermissions.toString(found.mode()), times ? found.modified() : "", content(disk, path, found.size()));
                    case DIRECTORY -> "directory %s".formatted(PosixFilePermissions.toString(found.mode()));
                    case LINK -> "link to %s".formatted(root.relativize(disk.linkTarget(path)));
                    case OTHER -> "something else";
                });
                if (found.kind() == Disk.Kind.DIRECTORY) {
                    snapshotBelow(disk, path, times, into);
                }
            }
        }
    }

    private static String content(Disk disk, Path path, long size) throws IOException {
        ByteBuffer content = ByteBuffer.allocate(Math.toIntExact(size));
        try (Disk.File file = disk.openToRead(path)) {
            file.read(content, 0);
        }
        return Contents.describe(content.array());
    }

    /** As assertEquals, with only what differs in the message. */
    static void requireSame(Map<Path, String> expected, Map<Path, String> found, String which) {
        Set<Path> all = new TreeSet<>(expected.keySet());
        all.addAll(found.keySet());
        List<String> differences = all.stream()
                .filter(path -> !Objects.equals(expected.get(path), found.get(path)))
                .map(path -> "%s: expected %s, found %s".formatted(path, expected.get(path), found.get(path)))
                .toList();
        assertEquals(List.of(), differences, which);
    }
}
