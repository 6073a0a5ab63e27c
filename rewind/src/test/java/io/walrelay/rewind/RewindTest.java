package io.walrelay.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.Leftover;
import io.walrelay.rewind.journal.Space;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A dry run over what an earlier rewind left. */
class RewindTest {

    @TempDir
    private Path temporary;

    private final List<String> told = new ArrayList<>();

    private void dryRun(Path target) throws IOException, RefusedException {
        RewindRequest request = new RewindRequest(
                target, true, false, Optional.empty(), true, Optional.empty(), Optional.empty(), false, Optional.empty(), Map.of());
        new Rewind(request, new ChangingSource(), new RewindListener() {
            @Override
            public void info(String message) {
                told.add(message);
            }

            @Override
            public void debug(String message) {
                told.add(message);
            }

            @Override
            public void progress(long fetched, long expected) {
                throw new AssertionError("nothing is fetched");
            }
        }).run();
    }

    @Test
    void aRewindThatWasNotFinishedIsRefused() throws IOException {
        Path target = Files.createDirectory(temporary.resolve("target"));
        DirectoryChange.begin(target, Optional.empty(), new byte[0], Space.LITTLE).close();
        RefusedException refused = assertThrows(RefusedException.class, () -> dryRun(target));
        assertTrue(String.valueOf(refused.getMessage()).endsWith("was not finished"), refused.getMessage());
        assertEquals(Leftover.UNFINISHED, DirectoryChange.leftover(target, Optional.empty()));
    }

    /** It comes as far as the target's control file, which is not there. */
    @Test
    void whatAFinishedOneLeftIsSaidAndStays() throws IOException {
        Path target = Files.createDirectory(temporary.resolve("target"));
        Files.createDirectory(temporary.resolve("target.walrelay-rewind"));
        assertThrows(NoSuchFileException.class, () -> dryRun(target));
        assertEquals(List.of("an earlier rewind was finished, and only what kept the old state was not removed"), told);
        assertEquals(Leftover.FINISHED, DirectoryChange.leftover(target, Optional.empty()));
    }
}
