package io.walrelay.proxy.testkit;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A stage for blocks of pages that are no story from the first line to the last: a script in {@code src/test/manual} with servers, files and
 * checks around the manual's own lines. Beside bash it has
 *
 * <pre>
 *   #&lt; PAGE: BEGINNING        here stands the page's block of which a line begins so;  … TEXT  adds text to its last line
 *   #~ THIS → THAT            from here on, THIS in a block is THAT: names of hosts and directories that a test can't have; {here} is the playground
 *   # → TEXT                  TEXT is printed
 * </pre>
 *
 * In a block with lines that begin with a {@code $}, those are the commands, what follows the prompt of psql is its input, and the rest is what comes out:
 * for each of its lines there must be one that has the same words; numbers differ.
 */
public final class ManualScript {

    /** Tests run in the module's directory. */
    private static final Path DIRECTORY = Path.of("src", "test", "manual");

    private static final Pattern BLOCK = Pattern.compile("#< (\\S+): (.+?)(?: … (.+))?");
    private static final Pattern WORD = Pattern.compile("#~ (.+) → (.+)");
    private static final Pattern LETTERS = Pattern.compile("\\b[A-Za-z_]{2,}\\b");
    private static final String COMMAND = "$ ";
    private static final String PROMPT = "=> ";

    private final List<String> script;
    private final List<ManualBlock> blocks = new ArrayList<>();
    private final List<String> said = new ArrayList<>();
    private final List<String> shown = new ArrayList<>();

    public ManualScript(String name) throws IOException {
        script = Files.readAllLines(DIRECTORY.resolve(name));
        for (String line : script) {
            Matcher block = BLOCK.matcher(line);
            if (block.matches()) {
                blocks.add(block(block.group(1), block.group(2)));
            }
        }
    }

    private static ManualBlock block(String page, String beginning) throws IOException {
        List<ManualBlock> found = ManualBlock.of(page).stream().filter(block -> block.lines().stream().anyMatch(line -> line.strip().startsWith(beginning))).toList();
        if (found.size() != 1) {
            throw new AssertionError("%s has %d blocks with a line that begins with: %s".formatted(page, found.size(), beginning));
        }
        return found.getFirst();
    }

    /** The names of all. */
    public static List<String> names() throws IOException {
        try (var files = Files.list(DIRECTORY)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    /** The manual's blocks that it runs, in the order in which it does. */
    public List<ManualBlock> blocks() {
        return List.copyOf(blocks);
    }

    /**
     * Runs it.
     *
     * @param playground an empty directory
     */
    public void run(Path playground, Duration limit) throws IOException {
        List<String> commands = new ArrayList<>(List.of(
                "POSTGRESQL_15=%s POSTGRESQL_18=%s".formatted(Programs.version(15).home(), Programs.version(18).home()),
                "MODULE=%s".formatted(Path.of("").toAbsolutePath())));
        commands.addAll(commands(playground));
        String output = ManualShell.run(commands, playground, limit);
        said.forEach(text -> assertTrue(output.contains(text), () -> "\"%s\" is not in: %s".formatted(text, output)));
        shown.forEach(line -> assertTrue(output.lines().anyMatch(printed -> hasWordsOf(line, printed)), () -> "nothing like \"%s\" is in: %s".formatted(line, output)));
    }

    private static boolean hasWordsOf(String line, String printed) {
        return LETTERS.matcher(line).results().allMatch(word -> printed.contains(word.group()));
    }

    private List<String> commands(Path playground) {
        Map<String, String> words = new LinkedHashMap<>();
        var next = blocks.iterator();
        List<String> commands = new ArrayList<>();
        for (String line : script) {
            Matcher block = BLOCK.matcher(line);
            Matcher word = WORD.matcher(line);
            if (block.matches()) {
                List<String> text = next.next().lines().stream().map(code -> put(words, code)).toList();
                commands.addAll(expanded(text));
                if (block.group(3) != null) {
                    commands.add("%s %s".formatted(commands.removeLast(), block.group(3)));
                }
            } else if (word.matches()) {
                words.put(word.group(1), word.group(2).replace("{here}", playground.toString()));
            } else {
                commands.add(line);
                if (line.strip().startsWith(ManualPage.PRINTS)) {
                    said.add(line.strip().substring(ManualPage.PRINTS.length()));
                }
            }
        }
        return commands;
    }

    private static String put(Map<String, String> words, String code) {
        String text = code;
        for (Map.Entry<String, String> word : words.entrySet()) {
            text = text.replace(word.getKey(), word.getValue());
        }
        return text;
    }

    /** The commands of a block. */
    private List<String> expanded(List<String> text) {
        if (text.stream().noneMatch(line -> line.startsWith(COMMAND))) {
            return text;
        }
        List<String> commands = new ArrayList<>();
        List<String> input = new ArrayList<>();
        for (String line : text) {
            if (line.startsWith(COMMAND)) {
                commands.add(line.substring(COMMAND.length()));
            } else if (line.contains(PROMPT)) {
                input.add(line.substring(line.indexOf(PROMPT) + PROMPT.length()));
            } else if (!input.isEmpty() && !input.getLast().endsWith(";")) {
                input.add(line);
            } else {
                shown.add(line);
            }
        }
        if (!input.isEmpty()) {
            commands.add(commands.removeLast() + " <<'INPUT'");
            commands.addAll(input);
            commands.add("INPUT");
        }
        return commands;
    }
}
