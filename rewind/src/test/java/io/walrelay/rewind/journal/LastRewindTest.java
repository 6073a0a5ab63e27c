package io.walrelay.rewind.journal;

import static io.walrelay.rewind.journal.Messages.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LastRewindTest {

    @Test
    void theNoteIsReadBackAndDamageIsNoticed(@TempDir Path directory) throws Exception {
        assertTrue(LastRewind.read(directory).isEmpty());
        try (DirectoryChange change = DirectoryChange.begin(directory, Optional.empty(), new byte[0], Space.LITTLE)) {
            new LastRewind(new byte[] {1, 2, 3}).write(change);
            change.commit(new byte[0]);
        }
        assertEquals(3, LastRewind.read(directory).orElseThrow().body()[2]);
        byte[] bytes = Files.readAllBytes(directory.resolve(LastRewind.NAME));
        bytes[17] ^= 1;
        Files.write(directory.resolve(LastRewind.NAME), bytes);
        assertSays("has checksum", assertThrows(IOException.class, () -> LastRewind.read(directory)));
    }
}
