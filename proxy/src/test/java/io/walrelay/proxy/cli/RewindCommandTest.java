package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.Space;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What is seen to be wrong before a directory is looked at, in pg_rewind's words and with its exit status. */
class RewindCommandTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "rewind -D a | error: no source specified (--source-pgdata or --source-server)",
        "rewind -D a --source-pgdata b --source-server c | error: only one of --source-pgdata or --source-server can be specified",
        "rewind --source-pgdata b | error: no target data directory specified (--target-pgdata)",
        "rewind --target-pgdata=a --source-pgdata=b -R | error: no source server information (--source-server) specified for --write-recovery-conf",
        "rewind -D a --source-pgdata b c d | error: too many command-line arguments (first is \"c\")",
        "rewind -D a --source-pgdata b --jobs 0 | error: --jobs is 0; expected 1 to 64",
        "rewind -D a --source-server b -R --relay-slot s | error: --relay-slot is of use with --relay, which is not given",
        "rewind -D a --source-pgdata b --checkpoint | error: --checkpoint needs a server to make it",
        "rewind -D a --source-server b -R --relay http://r:1 --relay-conninfo hots=r | error: --relay-conninfo: invalid connection option \"hots\"",
        "rewind -D target --source-pgdata target/../target | error: source and target are the same data directory",
        "rewind -D a --source-server b --relay http://r:1 --relay-conninfo c | error: --relay-conninfo is for the primary_conninfo that -R writes",
        "rewind -D a --source-server b -R --relay-conninfo c | error: --relay-conninfo is for the primary_conninfo that -R writes",
        "rewind -D a --source-server b --relay http://r:1 --copy-config | error: --relay copies no WAL, and with --copy-config the target loses its restore_command",
        "rewind -D a --colour | Unknown option: '--colour'",
    })
    void saysWhatWasExpected(String line, String part) {
        CommandRun run = CommandRun.of(line.split(" ", -1));
        assertEquals(Main.FAILURE, run.status(), run::err);
        assertTrue(run.err().contains(part), run::err);
    }

    /** Those of its options that belong together, not just each by itself. */
    @Test
    void theExamplesOfItsHelpAreValid() throws IOException, RefusedException {
        CommandLine rewind = Objects.requireNonNull(Main.commandLine().getSubcommands().get("rewind"));
        for (String example : rewind.getCommandSpec().usageMessage().footer()) {
            String[] words = Pattern.compile("\"([^\"]*)\"|(\\S+)").matcher(example.strip()).results()
                    .map(word -> word.group(1) == null ? word.group(2) : word.group(1)).skip(1).toArray(String[]::new);
            Object command = Main.commandLine().parseArgs(words).subcommand().commandSpec().userObject();
            assertEquals(Path.of("data").toAbsolutePath(), assertInstanceOf(RewindCommand.class, command).requireOptions(), example);
        }
    }

    /** What a server says to run, pasted. */
    @Test
    void anUnfinishedRewindWithoutASourceSaysHowItEnds(@TempDir Path temporary) throws IOException {
        Path target = Files.createDirectory(temporary.toRealPath().resolve("data"));
        String command;
        try (DirectoryChange change = DirectoryChange.begin(target, Optional.empty(), new byte[0], Space.LITTLE)) {
            command = change.command();
        }
        String sentinel = Files.readString(target.resolve("postgresql.auto.conf"));
        assertTrue(sentinel.contains("run: " + command), sentinel);

        CommandRun run = CommandRun.of(command.substring("walrelay ".length()).split(" ", -1));

        assertEquals(Main.FAILURE, run.status(), run::err);
        assertTrue(run.err().contains("no source specified (--source-pgdata or --source-server), and an earlier rewind of %s is unfinished".formatted(target)), run::err);
        assertTrue(run.err().contains("hint: Put it back as it was: %s --undo; or ".formatted(command)), run::err);
        assertTrue(run.err().contains(command + " --source-server CONNSTR"), run::err);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-?", "--help"})
    void theHelpIsAskedForAsOfPgRewind(String option) {
        CommandRun run = CommandRun.of("rewind", option);
        assertEquals(Main.OK, run.status(), run::err);
        assertTrue(run.out().contains("--no-ensure-shutdown"), run::out);
    }

    @Test
    void theVersionIsAskedForAsOfPgRewind() {
        CommandRun run = CommandRun.of("rewind", "-V");
        assertEquals(Main.OK, run.status(), run::err);
        assertTrue(run.out().startsWith("walrelay "), run::out);
    }
}
