package io.walrelay.cache.archive;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.jspecify.annotations.Nullable;

/** The driver of S3 against a server that speaks it. Credentials are the ones that the build sets for tests. */
class S3StoreIT extends ObjectStoreContract {

    @TempDir
    private static Path directory;

    private static @Nullable S3MockServer server;

    private final AtomicInteger prefixes = new AtomicInteger();

    @BeforeAll
    static void start() {
        server = S3MockServer.start(directory);
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
    }

    private static S3MockServer server() {
        if (server == null) {
            throw new IllegalStateException("not started");
        }
        return server;
    }

    @Override
    ObjectStore open() {
        return ArchiveLocation.parse(server().url("test-%d-%d".formatted(System.identityHashCode(this), prefixes.incrementAndGet()))).open();
    }

    /** The bucket does not exist. */
    @Override
    ObjectStore openBroken() {
        return ArchiveLocation.parse("s3://nosuchbucket/x?endpoint=" + server().endpoint()).open();
    }

    /** A page of a listing has 1,000. */
    @Override
    int many() {
        return 1_050;
    }

    @Test
    void aServerThatIsAwayIsAnErrorThatNamesIt() {
        try (ObjectStore store = ArchiveLocation.parse("s3://wal/x?endpoint=http://127.0.0.1:1").open()) {
            IOException e = assertThrows(IOException.class, () -> store.get("key"));
            assertTrue(String.valueOf(e.getMessage()).startsWith("could not get s3://wal/x/key: "), e.getMessage());
        }
    }
}
