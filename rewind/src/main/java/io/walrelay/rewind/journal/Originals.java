package io.walrelay.rewind.journal;

import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the log holds of how things were: the first word on each path counts, since only that was said before it changed.
 *
 * <p>A path is <em>ours</em> when it, or a directory that it lies in, was absent at the beginning or has been moved out of the way: what is
 * there now was made by the change, is no original of anything, and needs no journal.
 *
 * <p>Confined to one thread.
 */
final class Originals {

    /** Old bytes are kept in blocks of this size, PostgreSQL's, whatever is overwritten of them. */
    static final int BLOCK = 8192;

    /** A file that is changed where it is, and which of its blocks the log holds. */
    static final class Changed {
        private final LogRecord.InPlace file;
        private final BitSet held = new BitSet();

        Changed(LogRecord.InPlace file) {
            this.file = file;
        }

        LogRecord.InPlace file() {
            return file;
        }

        /** The first block of {@code from} to {@code to} that is not held; {@code to} when all are. */
        int firstMissing(int from, int to) {
            return Math.min(held.nextClearBit(from), to);
        }

        /** The first block of {@code from} to {@code to} that is held; {@code to} when none is. */
        int firstHeld(int from, int to) {
            int next = held.nextSetBit(from);
            return next < 0 ? to : Math.min(next, to);
        }

        void hold(int from, int to) {
            held.set(from, to);
        }
    }

    private final Map<Path, Changed> changed = new LinkedHashMap<>();
    private final Map<Path, Path> kept = new LinkedHashMap<>();
    /** Where what is still in its place is going to be kept. */
    private final Map<Path, Path> leaving = new HashMap<>();

    private final Set<Path> absent = new LinkedHashSet<>();
    private final Map<Path, Set<PosixFilePermission>> directoryModes = new LinkedHashMap<>();
    private final Set<Path> stores = new HashSet<>();
    private final Set<Path> rebuilt = new HashSet<>();
    /** How many things were ever announced to leave: each has a number of its own. */
    private int departures;

    /** Takes a record of the log, in its order. */
    void add(LogRecord record) {
        switch (record) {
            case LogRecord.InPlace file -> changed.putIfAbsent(file.path(), new Changed(file));
            case LogRecord.OldBytes(Path path, long offset, var bytes) -> {
                Changed file = changed.get(path);
                if (file == null) {
                    throw new IllegalStateException("old bytes of %s without its length".formatted(path));
                }
                file.hold(block(offset), block(offset + bytes.remaining() + BLOCK - 1));
            }
            case LogRecord.Kept(Path path, Path at) -> {
                departures++;
                leaving.put(path, at);
            }
            case LogRecord.Absent(Path path) -> absent.add(path);
            case LogRecord.DirectoryMode(Path path, var mode) -> directoryModes.putIfAbsent(path, mode);
            case LogRecord.Store(Path path) -> stores.add(path);
            case LogRecord.Rebuilt(Path path) -> rebuilt.add(path);
        }
    }

    /** What was leaving is where it is kept now. */
    void left(Path path) {
        Path at = leaving.remove(path);
        if (at == null) {
            throw new IllegalStateException("%s was not announced".formatted(path));
        }
        kept.put(path, at);
    }

    static int block(long offset) {
        return Math.toIntExact(offset / BLOCK);
    }

    boolean isOurs(Path path) {
        for (Path at = path; at != null; at = at.getParent()) {
            if (absent.contains(at) || kept.containsKey(at)) {
                return true;
            }
        }
        return false;
    }

    /** Whether the journal needs nothing more before bytes of a file are overwritten: all that it says was synced as soon as it was said. */
    boolean mayOverwrite(Path path, long offset, long length) {
        Changed file = changed.get(path);
        if (file == null) {
            return isOurs(path);
        }
        long end = Math.min(offset + length, file.file().length());
        int endBlock = block(end + BLOCK - 1);
        return offset >= end || file.firstMissing(block(offset), endBlock) == endBlock;
    }

    @Nullable Changed changed(Path path) {
        return changed.get(path);
    }

    @Nullable Path leaving(Path path) {
        return leaving.get(path);
    }

    boolean holdsMode(Path directory) {
        return directoryModes.containsKey(directory);
    }

    Map<Path, Changed> changed() {
        return changed;
    }

    /** What was moved out of the way, and where it is. */
    Map<Path, Path> kept() {
        return kept;
    }

    Map<Path, Path> leaving() {
        return leaving;
    }

    Set<Path> absent() {
        return absent;
    }

    Map<Path, Set<PosixFilePermission>> directoryModes() {
        return directoryModes;
    }

    /** Files whose name a changed copy gets, as far as they are kept. */
    Set<Path> rebuilt() {
        return rebuilt;
    }

    Set<Path> stores() {
        return stores;
    }

    int departures() {
        return departures;
    }
}
