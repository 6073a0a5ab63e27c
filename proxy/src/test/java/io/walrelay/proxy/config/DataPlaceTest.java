package io.walrelay.proxy.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DataPlaceTest {

    @TempDir
    private Path directory;

    @Test
    void aDirectoryThatIsThereOrWillBeMadeIsAPlace() {
        assertEquals(Optional.empty(), DataPlace.obstacle(directory));
        assertEquals(Optional.empty(), DataPlace.obstacle(directory.resolve("new")));
    }

    /** Whoever mixes up the two directories would have the relay's files in a server's. */
    @Test
    void neitherAServersDirectoryNorAFileIs() throws IOException {
        Path version = Files.writeString(directory.resolve("PG_VERSION"), "15\n");
        assertEquals(Optional.of("is that of a PostgreSQL server: it has PG_VERSION"), DataPlace.obstacle(directory));
        assertEquals(Optional.of("is no directory"), DataPlace.obstacle(version));
    }
}
