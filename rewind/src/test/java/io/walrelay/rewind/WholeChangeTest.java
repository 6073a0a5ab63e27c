package io.walrelay.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.Leftover;
import io.walrelay.rewind.journal.Space;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WholeChangeTest {

    @TempDir
    private Path temporary;

    private void make(Path directory, WholeChange.Work work) throws Exception {
        try (DirectoryChange change = DirectoryChange.begin(directory, Optional.empty(), new byte[0], Space.LITTLE)) {
            new WholeChange(directory, change, Silent.LISTENER).make(() -> {
                change.createDirectory("made", Files.getPosixFilePermissions(directory));
                return work.run();
            });
        }
    }

    private Path directory() throws IOException {
        return Files.createDirectory(temporary.resolve("target"));
    }

    @Test
    void anErrorPutsItBackAsWell() throws Exception {
        Path directory = directory();
        assertThrows(StackOverflowError.class, () -> make(directory, () -> {
            throw new StackOverflowError("of the test");
        }));
        assertFalse(Files.exists(directory.resolve("made")));
        assertEquals(Leftover.NONE, DirectoryChange.leftover(directory, Optional.empty()));
    }

    /** Where the configuration is prepared something is in the way, of the commit and then of the undoing. */
    @Test
    void whatCanNotBePutBackIsSaidWithTheCommandThatDoesIt() throws Exception {
        Path directory = directory();
        Path obstacle = directory.resolve("postgresql.auto.conf.tmp");
        IOException failed = assertThrows(IOException.class, () -> make(directory, () -> {
            Files.createDirectories(obstacle.resolve("full"));
            return new byte[0];
        }));
        assertTrue(String.valueOf(failed.getMessage()).contains(
                "%s is half changed, since it could not be put back".formatted(directory)), failed.getMessage());
        assertTrue(String.valueOf(failed.getMessage()).endsWith("run: walrelay rewind -D %s --undo".formatted(directory)), failed.getMessage());
        assertEquals(Leftover.UNFINISHED, DirectoryChange.leftover(directory, Optional.empty()));

        Files.delete(obstacle.resolve("full"));
        assertTrue(Rewind.undo(directory, Optional.empty()));
        assertFalse(Files.exists(directory.resolve("made")));
    }
}
