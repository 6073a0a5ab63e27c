package io.walrelay.rewind.journal;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A file, directory or link of a {@link FragileDisk}: as it is, and as much of it as is durable. */
final class FragileNode {

    static final int SECTOR = 512;

    final Disk.Kind kind;
    /** Where a link leads. */
    final @Nullable Path target;
    /** Whether another file system begins here. */
    boolean mount;

    Set<PosixFilePermission> mode;
    FileTime modified;
    byte[] content = new byte[0];
    final TreeMap<String, FragileNode> entries = new TreeMap<>();

    private Set<PosixFilePermission> durableMode;
    private FileTime durableModified;
    private byte[] durable = new byte[0];
    final TreeMap<String, FragileNode> durableEntries = new TreeMap<>();
    /** Sectors that the next sync writes. */
    private final BitSet dirty = new BitSet();

    FragileNode(Disk.Kind kind, Set<PosixFilePermission> mode, FileTime modified, @Nullable Path target) {
        this.kind = kind;
        this.mode = mode;
        this.modified = modified;
        this.target = target;
        this.durableMode = mode;
        this.durableModified = modified;
    }

    void write(ByteBuffer bytes, int offset) {
        int end = offset + bytes.remaining();
        if (bytes.hasRemaining()) {
            dirty.set(Math.min(offset, content.length) / SECTOR, (end - 1) / SECTOR + 1);
            content = end > content.length ? Arrays.copyOf(content, end) : content;
            bytes.get(content, offset, bytes.remaining());
        }
    }

    void truncate(int length) {
        if (length < content.length) {
            content = Arrays.copyOf(content, length);
            dirty.set(length / SECTOR);
        }
    }

    /** Content and attributes; of a directory, attributes only. */
    void sync() {
        durable = content.clone();
        dirty.clear();
        durableMode = mode;
        durableModified = modified;
    }

    /** What of this node itself is there when the machine comes up again, all of it durable. */
    FragileNode afterCrash(Random random) {
        FragileNode after = new FragileNode(
                kind, random.nextBoolean() ? mode : durableMode, random.nextBoolean() ? modified : durableModified, target);
        after.mount = mount;
        boolean lengthKept = durable.length == content.length || random.nextBoolean();
        after.content = Arrays.copyOf(durable, lengthKept ? content.length : durable.length);
        // All, none, or any of them: the extremes are what really happens most.
        int chance = random.nextInt(4);
        dirty.stream()
                .filter(_ -> chance == 0 || (chance > 1 && random.nextBoolean()))
                .forEach(sector -> keep(after.content, sector));
        after.durable = after.content.clone();
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
