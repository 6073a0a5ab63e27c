package io.walrelay.rewind.datadir;

import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * WAL that the target's restore_command fetches (PostgreSQL: fe_utils/archive.c, RestoreArchivedFile). Into a directory of its own, so that
 * the target stays as it is. Thread-safe.
 */
public final class RestoredWal implements WalElsewhere {

    /** A shell says with more than this that the command could not be run, or a signal ended it. */
    private static final int GREATEST_STATUS_OF_ABSENCE = 125;

    private static final Pattern PLACEHOLDER = Pattern.compile("%[fp%]");

    private final String command;
    private final Path target;
    private final SegmentSize size;

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
    public @Nullable FileChannel open(SegmentId segment, String name) throws IOException {
        Path directory = Files.createTempDirectory("walrelay-rewind");
        try {
            Path restored = restore(name, directory);
            if (restored == null) {
                return null;
            }
            if (Files.size(restored) != size.bytes()) {
                throw new IOException("unexpected file size for \"%s\": %d instead of %d".formatted(name, Files.size(restored), size.bytes()));
            }
            // Its name goes now, its bytes with the channel.
            return FileChannel.open(restored, StandardOpenOption.READ);
        } finally {
            remove(directory, name);
        }
    }

    @Override
    public Optional<byte[]> read(String name) throws IOException {
        Path directory = Files.createTempDirectory("walrelay-rewind");
        try {
            Path restored = restore(name, directory);
            return restored == null ? Optional.empty() : Optional.of(Files.readAllBytes(restored));
        } finally {
            remove(directory, name);
        }
    }

    private static void remove(Path directory, String name) throws IOException {
        Files.deleteIfExists(directory.resolve(name));
        Files.delete(directory);
    }

    private @Nullable Path restore(String name, Path directory) throws IOException {
        Path into = directory.resolve(name);
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
