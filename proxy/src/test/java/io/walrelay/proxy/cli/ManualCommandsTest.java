package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import picocli.CommandLine.MissingParameterException;

/** Every command of walrelay's in the manual is one that the program takes, whether a test runs its page or not. */
final class ManualCommandsTest {

    /** Up to what a shell would take for something else than a word of the command. */
    private static final Pattern IN_CODE = Pattern.compile("(?:^|[\\s;&|(`'\"])(?:\\./|/[a-z/]+/)?walrelay ((?:[^#|;&<>\"'`)\\n]|\"[^\"\\n]*\"|'[^'\\n]*')+)");

    private static final Pattern IN_SENTENCE = Pattern.compile("`walrelay ([^`]+)`");

    private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|'([^']*)'|(\\S+)");

    /** The name of a program, a database, a role or a package is no command. */
    private static final Pattern COMMAND = Pattern.compile("-{0,2}[a-z][a-z-]*");

    /** @param mentioned in a sentence, where it may lack what it needs to run */
    private record Found(String page, String text, boolean mentioned) {

        boolean isCommand() {
            Matcher first = WORD.matcher(text);
            return first.find() && COMMAND.matcher(first.group()).matches() && !text.contains("…");
        }
    }

    private static List<Found> commands() throws IOException {
        List<Found> found = new ArrayList<>();
        try (Stream<Path> pages = Files.list(Path.of("../docs"))) {
            for (Path page : Stream.concat(Stream.of(Path.of("../README.md"), Path.of("../helm/README.md")), pages.filter(path -> path.toString().endsWith(".md"))).toList()) {
                addAll(found, page.getFileName().toString(), Files.readString(page).replace("\\\n", " "));
            }
        }
        return found.stream().filter(Found::isCommand).distinct().toList();
    }

    /** Indented and fenced lines, and what stands between backticks. */
    private static void addAll(List<Found> found, String page, String text) {
        boolean fenced = false;
        for (String line : text.split("\n", -1)) {
            if (line.strip().startsWith("```")) {
                fenced = !fenced;
            }
            boolean code = fenced || line.startsWith("    ");
            Matcher command = (code ? IN_CODE : IN_SENTENCE).matcher(line);
            while (command.find()) {
                found.add(new Found(page, command.group(1).strip().replaceFirst(" 2$", ""), !code));
            }
        }
    }

    private static List<String> words(String text) {
        List<String> words = new ArrayList<>();
        Matcher word = WORD.matcher(text);
        while (word.find()) {
            words.add(word.group(1) != null ? word.group(1) : word.group(2) != null ? word.group(2) : word.group(3));
        }
        return words;
    }

    @TestFactory
    Stream<DynamicTest> theProgramTakesThem() throws IOException {
        return commands().stream().map(found -> DynamicTest.dynamicTest(found.page() + ": " + found.text(), () -> parse(found)));
    }

    private static void parse(Found found) {
        try {
            Main.commandLine().parseArgs(words(found.text()).toArray(String[]::new));
        } catch (MissingParameterException e) {
            assertTrue(found.mentioned(), e::getMessage);
        }
    }

    /** Else the patterns above have come to find nothing. */
    @Test
    void thereAreMany() throws IOException {
        assertTrue(commands().size() > 60);
    }
}
