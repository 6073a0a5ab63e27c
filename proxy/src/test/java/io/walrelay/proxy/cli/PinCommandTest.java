package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is seen to be wrong before any relay is asked. */
class PinCommandTest {

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "pin | expected create, list or drop",
        "pin create a/b | not a pin's name",
        "pin drop ../a | not a pin's name",
        "pin create a --lsn 12 | 12",
        "pin create a --lsn 0/1000028 --backup-label x | expected --lsn or --backup-label, not both",
    })
    void saysWhatWasExpected(String line, String part) {
        CommandRun run = CommandRun.of(line.split(" ", -1));
        assertEquals(Main.USAGE, run.status(), run::err);
        assertTrue(run.err().contains(part), run::err);
    }

    @Test
    void theHelpSaysHowABackupFromAStandbyIsPinned() {
        CommandRun run = CommandRun.of("pin", "create", "--help");
        assertEquals(Main.OK, run.status(), run::err);
        String text = run.out().replaceAll("\\s+", " ");
        assertTrue(text.contains("For a base backup from a standby") && text.contains("pin with --backup-label"), run::out);
    }

    @Test
    void anotherFileThanABackupLabelIsRefused() throws IOException {
        Path file = Files.writeString(directory.resolve("backup_manifest"), "{}");
        CommandRun run = CommandRun.of("pin", "create", "a", "--backup-label", file.toString());
        assertEquals(Main.FAILURE, run.status());
        assertTrue(run.err().contains("is no backup_label; expected lines that begin with START WAL LOCATION"), run::err);
    }
}
