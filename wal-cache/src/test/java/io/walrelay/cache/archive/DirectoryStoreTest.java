package io.walrelay.cache.archive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
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

    @Test
    void whatACrashLeftIsRemovedByAPutNextToItButNothingThatMayBeUnderWay() throws IOException {
        Path archive = directory.resolve("archive");
        Files.createDirectories(archive.resolve("a"));
        Path old = Files.write(archive.resolve("a/.unfinished-1"), random(2, 5));
        Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofDays(2))));
        Path fresh = Files.write(archive.resolve("a/.unfinished-2"), random(2, 5));
        try (ObjectStore store = open()) {
            store.putIfAbsent("a/key", file(random(1, 10)));
        }
        assertFalse(Files.exists(old));
        assertTrue(Files.exists(fresh));
    }
}
