package io.walrelay.cache.archive;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What every driver promises. */
abstract class ObjectStoreContract {

    @TempDir
    private Path files;

    /** A store in which there is nothing. */
    abstract ObjectStore open() throws IOException;

    /** One that can't be asked. */
    abstract ObjectStore openBroken() throws IOException;

    /** More objects than the driver is told of at a time. */
    int many() {
        return 40;
    }

    @Test
    void whatWasPutIsThereWithItsBytes() throws IOException {
        try (ObjectStore store = open()) {
            byte[] bytes = random(1, 3_000_000);
            assertTrue(store.putIfAbsent("a/b/one", file(bytes)));
            assertArrayEquals(bytes, read(store, "a/b/one"));
            assertEquals(bytes.length, store.find("a/b/one").orElseThrow().bytes());
            assertEquals("a/b/one", store.find("a/b/one").orElseThrow().key());
            assertTrue(store.putIfAbsent("empty", file(new byte[0])));
            assertArrayEquals(new byte[0], read(store, "empty"));
        }
    }

    @Test
    void aKeyThatIsTakenKeepsItsBytes() throws IOException {
        try (ObjectStore store = open()) {
            assertTrue(store.putIfAbsent("key", file(random(1, 1000))));
            assertFalse(store.putIfAbsent("key", file(random(2, 1000))));
            assertArrayEquals(random(1, 1000), read(store, "key"));
        }
    }

    @Test
    void ofManyWritersOfOneKeyOneWins() throws Exception {
        try (ObjectStore store = open();
                ExecutorService writers = Executors.newFixedThreadPool(8)) {
            List<Callable<Boolean>> puts = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                byte[] bytes = random(i, 100_000);
                Path file = file(bytes);
                puts.add(() -> store.putIfAbsent("dir/contested", file));
            }
            int winners = 0;
            int winner = -1;
            List<Future<Boolean>> done = writers.invokeAll(puts);
            for (int i = 0; i < done.size(); i++) {
                if (done.get(i).get()) {
                    winners++;
                    winner = i;
                }
            }
            assertEquals(1, winners);
            assertArrayEquals(random(winner, 100_000), read(store, "dir/contested"));
        }
    }

    @Test
    void whatIsNotThereIsAnEmptyAnswer() throws IOException {
        try (ObjectStore store = open()) {
            assertEquals(Optional.empty(), store.get("nothing/at/all"));
            assertEquals(Optional.empty(), store.find("nothing"));
            assertEquals(List.of(), store.children("nothing"));
            assertEquals(List.of(), store.children(""));
            store.list("nothing", listed -> {
                throw new AssertionError(listed);
            });
            store.delete("nothing");
        }
    }

    @Test
    void whatCannotBeAskedIsAnError() throws IOException {
        try (ObjectStore store = openBroken()) {
            Path file = file(random(1, 10));
            assertThrows(IOException.class, () -> store.get("key"));
            assertThrows(IOException.class, () -> store.find("key"));
            assertThrows(IOException.class, () -> store.children("dir"));
            assertThrows(IOException.class, () -> store.list("dir", listed -> {}));
            assertThrows(IOException.class, () -> store.putIfAbsent("key", file));
            assertThrows(IOException.class, () -> store.delete("key"));
        }
    }

    @Test
    void listsWhatIsBelowADirectory() throws IOException {
        try (ObjectStore store = open()) {
            Path file = file(random(1, 10));
            Set<String> keys = Set.of("a/1", "a/2", "a/deep/3", "a/deep/er/4", "ab/5", "b");
            for (String key : keys) {
                store.putIfAbsent(key, file);
            }
            assertEquals(Set.of("a", "ab", "b"), Set.copyOf(store.children("")));
            assertEquals(Set.of("1", "2", "deep"), Set.copyOf(store.children("a")));
            assertEquals(Set.of("a/1", "a/2", "a/deep/3", "a/deep/er/4"), listed(store, "a"));
            assertEquals(keys, listed(store, ""));
        }
    }

    @Test
    void listsManyObjects() throws IOException {
        try (ObjectStore store = open()) {
            Path file = file(random(1, 10));
            for (int i = 0; i < many(); i++) {
                store.putIfAbsent("many/%04d".formatted(i), file);
            }
            assertEquals(many(), listed(store, "many").size());
            assertEquals(many(), store.children("many").size());
        }
    }

    @Test
    void whatWasDeletedIsGoneAndItsKeyIsFree() throws IOException {
        try (ObjectStore store = open()) {
            store.putIfAbsent("a/key", file(random(1, 10)));
            store.delete("a/key");
            assertEquals(Optional.empty(), store.get("a/key"));
            assertTrue(store.putIfAbsent("a/key", file(random(2, 10))));
        }
    }

    @Test
    void noKeyLeadsElsewhere() throws IOException {
        try (ObjectStore store = open()) {
            Path file = file(random(1, 10));
            for (String key : List.of("../x", "a/../../x", "/x", "a//b", ".hidden", "a/.b", "a/", "", "a b", "a\\b", "ä")) {
                assertThrows(IllegalArgumentException.class, () -> store.putIfAbsent(key, file), key);
                if (!key.isEmpty()) {
                    assertThrows(IllegalArgumentException.class, () -> store.get(key), key);
                }
            }
        }
    }

    private static Set<String> listed(ObjectStore store, String directory) throws IOException {
        List<ObjectStore.Listed> all = new ArrayList<>();
        store.list(directory, all::add);
        return all.stream().map(ObjectStore.Listed::key).collect(Collectors.toSet());
    }

    final Path file(byte[] bytes) throws IOException {
        Path file = Files.createTempFile(files, "object", null);
        Files.write(file, bytes);
        return file;
    }

    static byte[] read(ObjectStore store, String key) throws IOException {
        try (InputStream in = store.get(key).orElseThrow()) {
            return in.readAllBytes();
        }
    }

    static byte[] random(long seed, int length) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }
}
