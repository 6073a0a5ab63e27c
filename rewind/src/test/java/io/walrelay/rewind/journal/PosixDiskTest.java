package io.walrelay.rewind.journal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PosixDiskTest {

    private static final int BLOCK = 4096;

    private final PosixDisk disk = new PosixDisk();

    @TempDir
    private Path directory;

    /** What it does not take past the page cache, because it is no whole blocks of aligned memory, it takes as any other file does, and all after that. */
    @Test
    void aFileOfBlocksHasAllThatWasWrittenWhateverItsForm() throws IOException {
        byte[] content = Contents.random(new Random(1), 5 * BLOCK);
        Path path = directory.resolve("file");
        disk.create(path, Configuration.PRIVATE).close();
        try (Disk.File file = disk.openForBlocks(path)) {
            file.write(blocks(content, 0, 2 * BLOCK), 0);
            file.write(ByteBuffer.wrap(content, 2 * BLOCK, 100), 2 * BLOCK);
            file.write(blocks(content, 2 * BLOCK, 3 * BLOCK), 2 * BLOCK);
            file.sync();
            assertEquals(content.length, file.size());
            ByteBuffer read = ByteBuffer.allocate(content.length);
            assertEquals(content.length, file.read(read, 0));
            assertArrayEquals(content, read.array());
            file.truncate(BLOCK + 1);
        }
        assertEquals(BLOCK + 1, Files.size(path));
    }

    @Test
    void syncsBehindWhatIsThereAndSaysWhatItCouldNot() throws Exception {
        Path there = Files.write(directory.resolve("there"), new byte[] {1});
        Path gone = directory.resolve("gone");
        assertNull(disk.beginSync(List.of(gone, there)).get());
        ExecutionException failed = assertThrows(ExecutionException.class, () -> disk.beginSync(List.of(there.resolve("below"), there)).get());
        assertInstanceOf(IOException.class, failed.getCause());
    }

    private static ByteBuffer blocks(byte[] content, int from, int length) {
        ByteBuffer aligned = ByteBuffer.allocateDirect(length + BLOCK).alignedSlice(BLOCK);
        return aligned.put(content, from, length).flip();
    }
}
