package io.walrelay.rewind;

import io.walrelay.rewind.datadir.DataDirectory;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.plan.FileAction;
import io.walrelay.rewind.source.RewindSource;
import io.walrelay.rewind.source.RewindSource.Fetch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Small files that would be copied whole and are the same on both sides, as nearly all of a catalog's other forks are: to move one out of the way,
 * to write it anew and to make that durable costs many times what it costs to compare it.
 */
final class EqualFiles {

    /** In bytes. A larger file is not worth to be fetched twice where it differs. */
    private static final long SMALL = 256 << 10;

    private final DataDirectory target;
    private final RewindSource source;

    /** How much of each is the same so far, of those that may still be. */
    private final Map<String, Long> same = new HashMap<>();

    EqualFiles(DataDirectory target, RewindSource source) {
        this.target = target;
        this.source = source;
    }

    /** Bytes of those that are equal, which came from the source; the others' come again, and are counted then. */
    long fetched() {
        return same.values().stream().mapToLong(Long::longValue).sum();
    }

    /** @param actions on files that are where they will be */
    Set<String> among(List<FileAction> actions) throws IOException, RefusedException {
        Map<String, Long> sizes = new HashMap<>();
        for (FileAction action : actions) {
            if (action instanceof FileAction.Copy(var path, var size) && size <= SMALL && sizeHere(path).filter(found -> found == size).isPresent()) {
                sizes.put(path, size);
                same.put(path, 0L);
            }
        }
        source.fetch(sizes.entrySet().stream().map(file -> new Fetch(file.getKey(), 0, file.getValue(), true)).toList(), new RewindSource.Sink() {
            @Override
            public void bytes(String path, long offset, ByteBuffer bytes) throws IOException {
                compare(path, offset, bytes);
            }

            @Override
            public void absent(String path) {
                same.remove(path);
            }
        });
        // What the source's has less is not the same, though all that came is.
        same.entrySet().removeIf(file -> !file.getValue().equals(sizes.get(file.getKey())));
        return Set.copyOf(same.keySet());
    }

    private Optional<Long> sizeHere(String path) throws IOException {
        try {
            BasicFileAttributes found = Files.readAttributes(file(path), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            return found.isRegularFile() ? Optional.of(found.size()) : Optional.empty();
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    private void compare(String path, long offset, ByteBuffer theirs) throws IOException {
        Long length = same.get(path);
        if (length == null) {
            return;
        }
        ByteBuffer ours = ByteBuffer.wrap(Files.readAllBytes(file(path)));
        int n = theirs.remaining();
        if (length == offset && offset + n <= ours.limit() && ours.slice((int) offset, n).equals(theirs)) {
            same.put(path, offset + n);
        } else {
            same.remove(path);
        }
    }

    private Path file(String path) {
        return target.path().resolve(path);
    }
}
