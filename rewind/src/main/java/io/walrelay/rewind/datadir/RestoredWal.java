package io.walrelay.rewind.datadir;

import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * WAL that the target's restore_command fetches (PostgreSQL: fe_utils/archive.c, RestoreArchivedFile). Into a directory of its own, so that
 * the target stays as it is; each segment once, and kept until this is closed. Confined to one thread.
 */
public final class RestoredWal implements WalElsewhere, Closeable {

    /** A shell says with more than this that the command could not be run, or a signal ended it. */
    private static final int GREATEST_STATUS_OF_ABSENCE = 125;

    private static final Pattern PLACEHOLDER = Pattern.compile("%[fp%]");

    private final String command;
    private final Path target;
    private final SegmentSize size;

    /** By name. */
    private final Map<String, Path> segments = new HashMap<>();

    private @Nullable Path directory;

    /**
     * @param command restore_command, with %f and %p
     * @param target where it is run, as the server would
     */
    public RestoredWal(String command, Path target, SegmentSize size) {
        this.command = command;
        this.target = target;
        this.size = size;
    }

    @Override
    public @Nullable Bytes open(SegmentId segment, String name) throws IOException {
        Path kept = segments.get(name);
        if (kept == null) {
            kept = restore(name, directory());
            if (kept == null) {
                return null;
            }
            if (Files.size(kept) != size.bytes()) {
                long bytes = Files.size(kept);
                Files.delete(kept);
                throw new IOException("unexpected file size for \"%s\": %d instead of %d".formatted(name, bytes, size.bytes()));
            }
            segments.put(name, kept);
        }
        return Bytes.of(FileChannel.open(kept, StandardOpenOption.READ));
    }

    /** Whether there is such a file. */
    public boolean has(String name) throws IOException {
        if (segments.containsKey(name)) {
            return true;
        }
        Path restored = restore(name, directory());
        if (restored != null) {
            Files.delete(restored);
        }
        return restored != null;
    }

    /** The segments that were fetched so far, by name. */
    public Map<String, Path> segments() {
        return Map.copyOf(segments);
    }

    @Override
    public Optional<byte[]> read(String name) throws IOException {
        Path restored = restore(name, directory());
        if (restored == null) {
            return Optional.empty();
        }
        byte[] content = Files.readAllBytes(restored);
        Files.delete(restored);
        return Optional.of(content);
    }

    private Path directory() throws IOException {
        Path made = directory;
        if (made == null) {
            made = Files.createTempDirectory("walrelay-rewind");
            directory = made;
        }
        return made;
    }

    /** Removes what was fetched. */
    @Override
    public void close() throws IOException {
        Path closing = directory;
        directory = null;
        segments.clear();
        if (closing == null) {
            return;
        }
        try (Stream<Path> files = Files.list(closing)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(closing);
    }

    private @Nullable Path restore(String name, Path intoDirectory) throws IOException {
        Path into = intoDirectory.resolve(name);
        Process process = new ProcessBuilder("/bin/sh", "-c", expanded(name, into))
                .directory(target.toFile())
                .redirectInput(Redirect.from(Path.of("/dev/null").toFile()))
                .redirectOutput(Redirect.DISCARD)
                .redirectError(Redirect.INHERIT)
                .start();
        int status;
        try {
            status = process.waitFor();
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while restore_command fetches %s".formatted(name));
        }
        if (status > GREATEST_STATUS_OF_ABSENCE) {
            throw new IOException("restore_command failed for %s with exit status %d: whether it is archived is not known".formatted(name, status));
        }
        return status == 0 && Files.exists(into) ? into : null;
    }

    private String expanded(String name, Path into) {
        return PLACEHOLDER.matcher(command).replaceAll(found -> Matcher.quoteReplacement(switch (found.group()) {
            case "%f" -> name;
            case "%p" -> into.toString();
            default -> "%";
        }));
    }

    /** @throws RefusedException when it wants what only a server knows */
    public static String requireUsable(String command) throws RefusedException {
        if (command.isBlank()) {
            throw new RefusedException("restore_command is not set in the target cluster");
        }
        if (command.replace("%%", "").contains("%r")) {
            throw new RefusedException("cannot use restore_command with %r placeholder");
        }
        return command;
    }
}
