package io.walrelay.cache.archive;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoryStoreTest extends ObjectStoreContract {

    @TempDir
    private Path directory;

    @Override
    ObjectStore open() {
        return new DirectoryStore(directory.resolve("archive"));
    }

    /** Names that are too long for the file system can be asked for by nobody. */
    @Override
    ObjectStore openBroken() {
        return new DirectoryStore(directory.resolve("x".repeat(300)));
    }

    @Test
    void whatAnInterruptedPutLeftIsNoObject() throws IOException {
        Path archive = directory.resolve("archive");
        try (ObjectStore store = open()) {
            store.putIfAbsent("a/key", file(random(1, 10)));
            Files.write(archive.resolve("a/.unfinished-1"), random(2, 5));
            assertEquals(List.of("key"), store.children("a"));
            store.list("", listed -> assertEquals("a/key", listed.key()));
        }
        try (var left = Files.list(archive.resolve("a"))) {
            assertEquals(2, left.count(), "the key and what was interrupted, nothing of the put that was not");
        }
    }
}
