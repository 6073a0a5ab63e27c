package io.walrelay.rewind.datadir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RestoredWalTest {

    private static final SegmentSize SIZE = new SegmentSize(1 << 20);
    private static final SegmentId SEGMENT = new SegmentId(new TimelineId(1), 3);
    private static final String NAME = "000000010000000000000003";

    @TempDir
    private Path directory;

    private RestoredWal by(String command) throws IOException {
        return new RestoredWal(command, Files.createDirectories(directory.resolve("data")), SIZE);
    }

    @Test
    void theCommandFetchesByNameInTheDataDirectory() throws IOException {
        Path archive = Files.createDirectory(directory.resolve("archive"));
        Files.write(archive.resolve(NAME), new byte[1 << 20]);
        Files.writeString(archive.resolve("00000002.history"), "1\t0/3000000\n");
        Path kept;
        try (RestoredWal restored = by("test $(basename $PWD) = data && cp ../archive/%f %p")) {
            try (WalElsewhere.Bytes file = restored.open(SEGMENT, NAME)) {
                assertNotNull(file);
                assertEquals(10, file.read(ByteBuffer.allocate(10), 100));
            }
            assertTrue(restored.has(NAME));
            assertNull(restored.open(SEGMENT, "000000010000000000000004"));
            assertFalse(restored.has("000000010000000000000004"));
            assertEquals(12, restored.read("00000002.history").orElseThrow().length);
            assertEquals(Optional.empty(), restored.read("00000003.history"));
            // Once for the whole run.
            Files.delete(archive.resolve(NAME));
            try (WalElsewhere.Bytes again = restored.open(SEGMENT, NAME)) {
                assertNotNull(again);
            }
            assertEquals(Set.of(NAME), restored.segments().keySet());
            kept = restored.segments().values().iterator().next();
            assertTrue(Files.exists(kept));
        }
        assertFalse(Files.exists(kept.getParent()));
    }

    /** The end of WAL is not what a fault looks like. */
    @Test
    void whatCouldNotLookIsAnError() {
        assertThrows(IOException.class, () -> open("exit 126"));
        assertThrows(IOException.class, () -> open("kill -9 $$"));
        IOException torn = assertThrows(IOException.class, () -> open("echo x >%p"));
        assertTrue(String.valueOf(torn.getMessage()).contains("unexpected file size"), torn.getMessage());
    }

    private void open(String command) throws IOException {
        try (RestoredWal restored = by(command);
                WalElsewhere.Bytes _ = restored.open(SEGMENT, NAME)) {
            throw new AssertionError("opened by " + command);
        }
    }

    @Test
    void aCommandThatWantsTheLastRestartpointIsRefused() throws RefusedException {
        assertThrows(RefusedException.class, () -> RestoredWal.requireUsable("cp /a/%f %p %r"));
        assertThrows(RefusedException.class, () -> RestoredWal.requireUsable(" "));
        assertEquals("cp /a%%r/%f %p", RestoredWal.requireUsable("cp /a%%r/%f %p"));
    }
}
