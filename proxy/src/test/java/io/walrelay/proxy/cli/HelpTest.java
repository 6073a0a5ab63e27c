package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.testkit.ExternalProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.json.JsonMapper;

/** What {@code --help} and completion say of every command there is. */
final class HelpTest {

    /** They print what is not for programs, or nothing. */
    private static final Set<String> WITHOUT_FORMAT = Set.of(
            "walrelay", "walrelay demo", "walrelay serve", "walrelay restore", "walrelay push", "walrelay completion", "walrelay slot", "walrelay standby", "walrelay pin");

    private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|(\\S+)");

    @TempDir
    private Path directory;

    private static Stream<CommandLine> all(CommandLine command) {
        return Stream.concat(Stream.of(command), command.getSubcommands().values().stream().flatMap(HelpTest::all));
    }

    private static String name(CommandLine command) {
        return command.getCommandSpec().qualifiedName();
    }

    @Test
    void readsAsAPageOfAManual() {
        all(Main.commandLine()).forEach(command -> {
            String help = command.getUsageMessage(CommandLine.Help.Ansi.OFF);
            List<String> headings = help.lines().filter(line -> line.matches("(Usage|Arguments|Options|Commands|Exit status|Examples):.*")).map(line -> line.replaceAll(":.*", "")).toList();
            assertEquals("Usage", headings.getFirst(), help);
            assertTrue(headings.containsAll(List.of("Options", "Exit status", "Examples")), help);
            assertTrue(help.lines().allMatch(line -> line.length() <= 95), help);
            assertFalse(help.replace("%f", "").replace("%p", "").contains("%"), help);
        });
    }

    /** Words as a shell has them; what comes after a pipe, or is another program's, is not ours. */
    @Test
    void everyExampleIsACommandLineOfThatCommand() {
        List<String> wrong = new ArrayList<>();
        all(Main.commandLine()).forEach(command -> {
            for (String example : command.getCommandSpec().usageMessage().footer()) {
                String line = example.strip().replaceAll("^\\w+_command = '(.*)'$", "$1").replaceAll("^source <\\((.*)\\)$", "$1").replaceAll(" *[|>].*", "");
                List<String> words = WORD.matcher(line).results().map(m -> m.group(1) == null ? m.group(2) : m.group(1)).toList();
                if (!line.startsWith(name(command))) {
                    wrong.add("%s: %s".formatted(name(command), example));
                    continue;
                }
                try {
                    Main.commandLine().parseArgs(words.subList(1, words.size()).toArray(String[]::new));
                } catch (CommandLine.ParameterException e) {
                    wrong.add("%s: %s".formatted(example, e.getMessage()));
                }
            }
        });
        assertEquals(List.of(), wrong);
    }

    @Test
    void whateverPrintsSomethingToGoOnWithPrintsItForProgramsToo() {
        all(Main.commandLine()).forEach(command -> assertEquals(
                !WITHOUT_FORMAT.contains(name(command)),
                command.getCommandSpec().findOption("--format") != null,
                name(command)));
        CommandRun run = CommandRun.of("setup-sql", "--format", "json", "--user", "r\"x");
        assertTrue(JsonMapper.shared().readTree(run.out()).path("sql").asString().contains("CREATE ROLE \"r\"\"x\" LOGIN"), run::toString);
    }

    @Test
    void bashCompletesCommandsOptionsAndTheirValues() throws Exception {
        Path script = Files.writeString(directory.resolve("walrelay"), CommandRun.of("completion", "bash").out());
        assertEquals("status standby", complete(script, "walrelay", "st"));
        assertEquals("pause resume release", complete(script, "walrelay", "standby", ""));
        assertEquals("--watch", complete(script, "walrelay", "status", "--wa"));
        assertEquals("text json", complete(script, "walrelay", "status", "--format", "").toLowerCase(Locale.ROOT));
        assertTrue(complete(script, "walrelay", "rewind", "--").contains("--restore-target-wal"));
    }

    /** Typed at a terminal. What an alias completes to stays as it was. */
    @Test
    void zshCompletesTheSame() throws Exception {
        Path script = Files.writeString(directory.resolve("walrelay.zsh"), CommandRun.of("completion", "zsh").out());
        String program = """
                zmodload zsh/zpty
                zpty terminal "TERM=dumb HOME=${1:h} zsh -f -i"
                zpty -w terminal "source $1; [[ -o completealiases ]] || print REA''DY"
                zpty -r terminal said '*READY*'
                zpty -n -w terminal $'walrelay standby re\\t\\t'
                zpty -r terminal said '*release*resume*'
                zpty -n -w terminal $'\\Cuwalrelay status --wa\\t'
                zpty -r terminal said '*--watch*'
                zpty -d terminal
                """;
        try (ExternalProcess zsh = ExternalProcess.start(List.of("zsh", "-f", "-c", program, "zsh", script.toString()))) {
            assertEquals(0, zsh.awaitExit(Duration.ofSeconds(20)), zsh::output);
        }
    }

    /** What bash would offer after these words. */
    private static String complete(Path script, String... words) {
        String program = """
                set -eu
                set +u; source "$1"; set -u; shift
                COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
                set +eu
                compopt() { :; } # It is for the shell's own calls.
                _complete_walrelay walrelay "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
                echo "${COMPREPLY[*]}"
                """;
        List<String> command = new ArrayList<>(List.of("bash", "--norc", "-c", program, "bash", script.toString()));
        command.addAll(Arrays.asList(words));
        try (ExternalProcess bash = ExternalProcess.start(command)) {
            assertEquals(0, bash.awaitExit(Duration.ofSeconds(20)), bash::output);
            return bash.output().strip();
        }
    }
}
