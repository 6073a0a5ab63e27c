package io.walrelay.cache.archive;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * Objects as files below a directory, which may be a network file system that others write to as well. A file gets its name only when
 * it is whole and durable, by a hard link, which fails when the name is taken. What a crash left under no name goes when the next comes to its
 * directory. Thread-safe.
 */
public final class DirectoryStore implements ObjectStore {

    private static final String UNFINISHED = ".unfinished-";

    /** Nobody is at one for as long as that. */
    private static final Duration ABANDONED_AFTER = Duration.ofDays(1);

    private final Path root;
    private final Set<Path> swept = ConcurrentHashMap.newKeySet();

    public DirectoryStore(Path root) {
        this.root = root.toAbsolutePath().normalize();
    }

    @Override
    public boolean putIfAbsent(String key, Path content) throws IOException {
        Path target = path(key);
        if (find(key).isPresent()) {
            return false;
        }
        Path directory = createDirectories(parent(target));
        sweep(directory);
        Path unfinished = directory.resolve(UNFINISHED + UUID.randomUUID());
        try {
            Files.copy(content, unfinished);
            sync(unfinished);
            if (!link(unfinished, target)) {
                return false;
            }
        } finally {
            Files.deleteIfExists(unfinished);
        }
        sync(directory);
        return true;
    }

    /** Once in each directory. */
    private void sweep(Path directory) throws IOException {
        if (!swept.add(directory)) {
            return;
        }
        Instant abandoned = Instant.now().minus(ABANDONED_AFTER);
        try (DirectoryStream<Path> left = Files.newDirectoryStream(directory, UNFINISHED + "*")) {
            for (Path file : left) {
                if (Files.getLastModifiedTime(file).toInstant().isBefore(abandoned)) {
                    Files.deleteIfExists(file);
                }
            }
        } catch (NoSuchFileException e) {
            swept.remove(directory); // Another relay was quicker; the rest the next time.
        } catch (java.nio.file.DirectoryIteratorException e) {
            throw e.getCause();
        }
    }

    private static boolean link(Path unfinished, Path target) throws IOException {
        try {
            Files.createLink(target, unfinished);
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        } catch (UnsupportedOperationException | java.nio.file.FileSystemException e) {
            return move(unfinished, target, e);
        }
    }

    /** For file systems without hard links. Two writers of one name at the same moment would be seen by neither. */
    private static boolean move(Path unfinished, Path target, Exception why) throws IOException {
        if (Files.exists(target)) {
            return false;
        }
        try {
            Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
            return true;
        } catch (IOException e) {
            e.addSuppressed(why);
            throw e;
        }
    }

    /** Each durable before what lies in it. */
    private static Path createDirectories(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            Path above = createDirectories(parent(directory));
            try {
                Files.createDirectory(directory);
            } catch (FileAlreadyExistsException e) {
                if (!Files.isDirectory(directory)) {
                    throw e;
                }
            }
            sync(above);
        }
        return directory;
    }

    private static Path parent(Path path) {
        Path parent = path.getParent();
        if (parent == null) {
            throw new IllegalArgumentException("%s lies in no directory".formatted(path));
        }
        return parent;
    }

    private static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    @Override
    public Optional<InputStream> get(String key) throws IOException {
        try {
            return Optional.of(Files.newInputStream(path(key)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    @Override
    public Optional<Listed> find(String key) throws IOException {
        try {
            BasicFileAttributes attributes = Files.readAttributes(path(key), BasicFileAttributes.class);
            return attributes.isRegularFile() ? Optional.of(listed(key, attributes)) : Optional.empty();
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    private static Listed listed(String key, BasicFileAttributes attributes) {
        return new Listed(key, attributes.size(), attributes.lastModifiedTime().toInstant());
    }

    @Override
    public List<String> children(String directory) throws IOException {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory(directory))) {
            for (Path entry : entries) {
                String name = String.valueOf(entry.getFileName());
                if (!name.startsWith(".")) {
                    names.add(name);
                }
            }
        } catch (NoSuchFileException | NotDirectoryException e) {
            return List.of();
        } catch (java.nio.file.DirectoryIteratorException e) {
            throw e.getCause();
        }
        return names;
    }

    @Override
    public void list(String directory, Consumer<Listed> each) throws IOException {
        Path start = directory(directory);
        try {
            if (!Files.readAttributes(start, BasicFileAttributes.class).isDirectory()) {
                return;
            }
        } catch (NoSuchFileException e) {
            return;
        }
        Files.walkFileTree(start, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (attributes.isRegularFile() && !String.valueOf(file.getFileName()).startsWith(".")) {
                    each.accept(listed(root.relativize(file).toString(), attributes));
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                if (e instanceof NoSuchFileException) {
                    return FileVisitResult.CONTINUE; // Deleted meanwhile.
                }
                throw e;
            }
        });
    }

    @Override
    public void delete(String key) throws IOException {
        Path target = path(key);
        if (Files.deleteIfExists(target)) {
            sync(parent(target));
        }
    }

    private Path path(String key) {
        return root.resolve(ObjectKeys.require(key));
    }

    private Path directory(String directory) {
        return directory.isEmpty() ? root : path(directory);
    }

    @Override
    public String toString() {
        return root.toUri().toString();
    }

    @Override
    public void close() {}
}
