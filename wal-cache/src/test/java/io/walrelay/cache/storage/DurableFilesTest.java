package io.walrelay.cache.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.storage.DurableFiles.DamagedFileException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DurableFilesTest {

    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("TESTFILE", 3);
    private static final byte[] OLD = "old".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] NEW = "the new state".getBytes(StandardCharsets.US_ASCII);

    private final CrashableStorage disk = new CrashableStorage();
    private final DurableFiles files = new DurableFiles(disk);

    @Test
    void layOutIsMagicVersionLengthBodyChecksum() throws Exception {
        files.write("f", FORMAT, OLD);
        assertEquals("5445535446494c45" + "00000003" + "00000003" + "6f6c64", HexFormat.of().formatHex(content(disk, "f")).substring(0, 38));
        assertEquals(23, content(disk, "f").length);
    }

    @Test
    void aFileThatIsNotThereIsEmptyAndNotDamaged() throws Exception {
        assertEquals(Optional.empty(), files.read("f", FORMAT));
    }

    @Test
    void damageOfAnyByteAndLossOfAnyTailIsNoticed() throws Exception {
        files.write("f", FORMAT, NEW);
        byte[] good = content(disk, "f");
        for (int i = 0; i < good.length; i++) {
            byte[] bad = good.clone();
            bad[i] ^= 0x10;
            files.writePlain("f", bad);
            assertThrows(DamagedFileException.class, () -> files.read("f", FORMAT), "byte " + i);
            files.writePlain("f", Arrays.copyOf(good, i));
            assertThrows(DamagedFileException.class, () -> files.read("f", FORMAT), "length " + i);
        }
        files.writePlain("f", good);
        assertArrayEquals(NEW, files.read("f", FORMAT).orElseThrow());
    }

    @Test
    void anotherVersionIsRefusedByItsNumber() throws Exception {
        files.write("f", new DurableFiles.Format("TESTFILE", 4), NEW);
        DamagedFileException e = assertThrows(DamagedFileException.class, () -> files.read("f", FORMAT));
        assertEquals("f has format version 4; expected 3", e.getMessage());
    }

    @Test
    void aCrashLeavesTheOldStateOrTheNew() throws Exception {
        int newOnes = 0;
        for (int k = 1; k <= 6; k++) {
            for (long seed = 0; seed < 50; seed++) {
                CrashableStorage dying = new CrashableStorage();
                DurableFiles before = new DurableFiles(dying);
                before.write("f", FORMAT, OLD);
                dying.crashBeforeOperation(k);
                boolean returned = tryWrite(before);
                byte[] found = new DurableFiles(dying.crash(seed)).read("f", FORMAT).orElseThrow();
                assertTrue(Arrays.equals(found, NEW) || (Arrays.equals(found, OLD) && !returned), "before change " + k + ", seed " + seed);
                newOnes += Arrays.equals(found, NEW) && !returned ? 1 : 0;
            }
        }
        assertTrue(newOnes > 0, "the disk may keep what was not synced");
    }

    private static boolean tryWrite(DurableFiles files) {
        try {
            files.write("f", FORMAT, NEW);
            return true;
        } catch (IOException e) {
            assertEquals("the machine has crashed", e.getMessage());
            return false;
        }
    }

    @Test
    void whatACrashLeftOfAWriteIsInNobodysWay() throws Exception {
        try (Storage.File left = disk.create("f.tmp")) {
            left.write(ByteBuffer.allocate(1000), 0);
        }
        files.write("f", FORMAT, NEW);
        assertArrayEquals(NEW, files.read("f", FORMAT).orElseThrow());
    }

    private static byte[] content(Storage storage, String path) throws IOException {
        return new DurableFiles(storage).readPlain(path).orElseThrow();
    }
}
