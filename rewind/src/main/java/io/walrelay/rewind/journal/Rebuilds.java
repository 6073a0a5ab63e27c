package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Files of which most blocks change. Their old bytes are not written into the log, which would be as much as the change itself: the file is
 * moved out of the way whole, and a new one is made of what is overwritten and, at the end, of the old file for the rest.
 *
 * <p>Until then the new file has gaps. So each run makes it anew at the first touch, and whatever no run touches is as the old file has it.
 * Confined to one thread.
 */
final class Rebuilds {

    private static final int CHUNK = 1 << 20;

    private final Disk disk;
    private final Trees trees;
    private final Originals originals;
    private final OpenFiles files;
    /** Of what this run has made anew, the blocks that are yet to come from the old file. */
    private final Map<Path, BitSet> missing = new HashMap<>();
    /** What is no longer to be rebuilt, since its name was given to something else. */
    private final Set<Path> given = new HashSet<>();

    Rebuilds(Disk disk, Originals originals, OpenFiles files) {
        this.disk = disk;
        this.trees = new Trees(disk);
        this.originals = originals;
        this.files = files;
    }

    /** Before bytes are written to a file. */
    void beforeWrite(Path path, long offset, int length) throws IOException {
        BitSet blocks = missing(path);
        if (blocks.isEmpty() || length == 0) {
            return;
        }
        long end = offset + length;
        fillPartly(path, blocks, offset);
        fillPartly(path, blocks, end);
        blocks.clear(Originals.block(offset), Originals.block(end + Originals.BLOCK - 1));
    }

    /** Before a file is cut. */
    void beforeTruncate(Path path, long length) throws IOException {
        BitSet blocks = missing(path);
        if (!blocks.isEmpty()) {
            fillPartly(path, blocks, length);
            blocks.clear(Originals.block(length + Originals.BLOCK - 1), Math.max(blocks.length(), Originals.block(length + Originals.BLOCK - 1)));
        }
    }

    /** Makes sure that a file is there: its mode is about to change. */
    void require(Path path) throws IOException {
        missing(path);
    }

    /** A boundary inside a block leaves a part of it as it was. */
    private void fillPartly(Path path, BitSet blocks, long boundary) throws IOException {
        int block = Originals.block(boundary);
        if (boundary % Originals.BLOCK != 0 && blocks.get(block)) {
            fill(path, block, block + 1);
            blocks.clear(block);
        }
    }

    private BitSet missing(Path path) throws IOException {
        BitSet known = missing.get(path);
        if (known != null) {
            return known;
        }
        if (!originals.rebuilt().contains(path) || given.contains(path)) {
            return new BitSet();
        }
        BitSet all = makeAnew(path);
        missing.put(path, all);
        return all;
    }

    private BitSet makeAnew(Path path) throws IOException {
        files.close();
        trees.delete(path);
        Path old = old(path);
        Disk.Attributes attributes = disk.look(old).orElseThrow(() -> new NoSuchFileException(old.toString()));
        long size = attributes.size();
        try (Disk.File file = disk.create(path, attributes.mode())) {
            if (size > 0) {
                file.write(ByteBuffer.allocate(1), size - 1);
            }
        }
        BitSet all = new BitSet();
        all.set(0, Originals.block(size + Originals.BLOCK - 1));
        return all;
    }

    private Path old(Path path) {
        Path old = originals.kept().get(path);
        if (old == null) {
            throw new IllegalStateException("%s is not kept".formatted(path));
        }
        return old;
    }

    private void fill(Path path, int fromBlock, int toBlock) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(Math.min(CHUNK, (toBlock - fromBlock) * Originals.BLOCK));
        long end = (long) toBlock * Originals.BLOCK;
        try (Disk.File from = disk.openToRead(old(path))) {
            Disk.File to = files.get(path);
            int n = 1;
            for (long at = (long) fromBlock * Originals.BLOCK; at < end && n > 0; at += n) {
                buffer.clear().limit((int) Math.min(buffer.capacity(), end - at));
                n = from.read(buffer, at);
                to.write(buffer.flip(), at);
            }
        }
    }

    /** A name is given to something else, with all below it. */
    void give(Path name) {
        missing.keySet().removeIf(path -> path.startsWith(name));
        originals.rebuilt().stream().filter(path -> path.startsWith(name)).forEach(given::add);
    }

    /** Takes from the old files what was not overwritten. */
    void complete() throws IOException {
        for (Path path : originals.rebuilt()) {
            BitSet blocks = missing(path);
            for (int from = blocks.nextSetBit(0); from >= 0; from = blocks.nextSetBit(from)) {
                int to = blocks.nextClearBit(from);
                fill(path, from, to);
                blocks.clear(from, to);
            }
        }
    }
}
