package io.walrelay.cache.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.NonWritableChannelException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PosixStorageTest {

    @TempDir
    private Path directory;

    @Test
    void reservedRoomReadsAsZerosAndKeepsWhatIsThere() throws IOException {
        Storage storage = new PosixStorage(directory);
        try (Storage.File file = storage.create("segment")) {
            file.write(ByteBuffer.wrap("begun".getBytes(StandardCharsets.US_ASCII)), 0);
            file.reserve(1 << 20);
            assertEquals(1 << 20, file.size());
            byte[] expected = new byte[1 << 20];
            System.arraycopy("begun".getBytes(StandardCharsets.US_ASCII), 0, expected, 0, 5);
            assertArrayEquals(expected, Files.readAllBytes(directory.resolve("segment")));
        }
    }

    @Test
    void listsFilesAndDirectoriesAndTakesAnythingElseForEmpty() throws IOException {
        for (Storage storage : List.of(new PosixStorage(directory), new CrashableStorage())) {
            storage.createDirectory("wal");
            storage.createDirectory("wal/inner");
            storage.create("wal/file").close();
            assertEquals(Set.of("inner", "file"), Set.copyOf(storage.list("wal")), storage.toString());
            assertEquals(List.of(), storage.list("wal/file"));
            assertEquals(List.of(), storage.list("nothing"));
        }
    }

    @Test
    void whatIsOnlyReadIsNeitherMadeNorChanged() throws IOException {
        Storage nothing = PosixStorage.readOnly(directory.resolve("nothing"));
        assertEquals(List.of(), nothing.list(""));
        assertFalse(Files.exists(directory.resolve("nothing")));
        Files.write(directory.resolve("segment"), new byte[] {1, 2, 3});
        try (Storage.File file = PosixStorage.readOnly(directory).open("segment")) {
            assertEquals(3, file.read(ByteBuffer.allocate(10), 0));
            assertThrows(NonWritableChannelException.class, () -> file.write(ByteBuffer.allocate(1), 0));
        }
    }
}
