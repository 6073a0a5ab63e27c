package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * What the journal costs: blocks of a directory are overwritten and synced with it and without. No test; run by hand, with a directory to
 * work in:
 *
 * <pre>java -cp … io.walrelay.rewind.journal.JournalBench /var/tmp</pre>
 */
final class JournalBench {

    private static final int FILES = 4;
    private static final int BLOCKS = 32_768;

    private final Path directory;
    private final int share;
    private final ByteBuffer block = ByteBuffer.allocateDirect(Originals.BLOCK);

    private JournalBench(Path directory, int share) {
        this.directory = directory;
        this.share = share;
    }

    /** @param args where to make the directory */
    public static void main(String[] args) throws IOException {
        Path root = Files.createTempDirectory(Path.of(args[0]), "journal-bench");
        try {
            Path directory = Files.createDirectory(root.resolve("pg"));
            for (int share : new int[] {100, 50, 10}) {
                JournalBench bench = new JournalBench(directory, share);
                for (int round = 0; round < 3; round++) {
                    bench.fill();
                    bench.report("none", bench.time(bench::plainly));
                    bench.fill();
                    bench.report("committed", bench.time(bench::journalled));
                    bench.fill();
                    bench.report("undone", bench.time(bench::undone));
                }
            }
        } finally {
            new Trees(new PosixDisk()).delete(root);
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private double time(Work work) throws IOException {
        long start = System.nanoTime();
        work.run();
        return (System.nanoTime() - start) / 1e9;
    }

    private void report(String how, double seconds) {
        long bytes = (long) FILES * chosen(0).cardinality() * Originals.BLOCK;
        System.out.printf("%3d %% of the blocks, journal: %s: %d MB in %.2f s, %.0f MB/s%n", share, how, bytes >> 20, seconds, bytes / 1e6 / seconds);
    }

    private void fill() throws IOException {
        ByteBuffer chunk = ByteBuffer.allocateDirect(1 << 20);
        for (int i = 0; i < FILES; i++) {
            try (Disk.File file = open(i)) {
                for (long at = 0; at < (long) BLOCKS * Originals.BLOCK; at += chunk.capacity()) {
                    file.write(chunk.clear(), at);
                }
                file.sync();
            }
        }
    }

    private Disk.File open(int i) throws IOException {
        Path path = directory.resolve(Integer.toString(i));
        return Files.exists(path) ? new PosixDisk().open(path) : new PosixDisk().create(path, Configuration.PRIVATE);
    }

    private BitSet chosen(int file) {
        Random random = new Random(file);
        BitSet blocks = new BitSet();
        for (int i = 0; i < BLOCKS; i++) {
            if (random.nextInt(100) < share) {
                blocks.set(i);
            }
        }
        return blocks;
    }

    private void plainly() throws IOException {
        for (int i = 0; i < FILES; i++) {
            try (Disk.File file = open(i)) {
                BitSet blocks = chosen(i);
                for (int b = blocks.nextSetBit(0); b >= 0; b = blocks.nextSetBit(b + 1)) {
                    file.write(block.clear(), (long) b * Originals.BLOCK);
                }
            }
        }
        for (int i = 0; i < FILES; i++) {
            try (Disk.File file = open(i)) {
                file.sync();
            }
        }
    }

    private void journalled() throws IOException {
        try (DirectoryChange change = DirectoryChange.begin(directory, Optional.empty(), new byte[0], Space.LITTLE)) {
            overwrite(change);
            change.commit(new byte[0]);
        }
    }

    private void undone() throws IOException {
        try (DirectoryChange change = DirectoryChange.begin(directory, Optional.empty(), new byte[0], Space.LITTLE)) {
            overwrite(change);
            change.undo();
        }
    }

    private void overwrite(DirectoryChange change) throws IOException {
        List<Touch.Bytes> batch = new ArrayList<>();
        for (int i = 0; i < FILES; i++) {
            BitSet blocks = chosen(i);
            for (int b = blocks.nextSetBit(0); b >= 0; b = blocks.nextSetBit(b + 1)) {
                batch.add(new Touch.Bytes(Integer.toString(i), (long) b * Originals.BLOCK, Originals.BLOCK));
            }
            flush(change, batch);
        }
    }

    private void flush(DirectoryChange change, List<Touch.Bytes> batch) throws IOException {
        change.announce(batch);
        for (Touch.Bytes bytes : batch) {
            change.overwrite(bytes.path(), bytes.offset(), block.clear());
        }
        batch.clear();
    }
}
