package io.walrelay.proxy.testkit;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * A page whose code can be pasted from the first line to the last: its indented lines are commands of one shell, a comment that begins with an arrow
 * is the line that is printed then ({@link PrintedLines}), and a line that gives several variables numbers gives ports. What stands between fences is no part of the story.
 */
public final class ManualPage {

    /** The pages that are so. */
    public static final Set<String> ALL = Set.of("docs/migrate.md", "docs/rewind.md", "docs/security.md");

    static final String PRINTS = "# → ";

    private final List<ManualBlock> blocks;

    /** @param page the file's path in the repository */
    public ManualPage(String page) throws IOException {
        assertTrue(ALL.contains(page), page);
        this.blocks = ManualBlock.of(page).stream().filter(block -> !block.fenced()).toList();
    }

    /** What it runs. */
    public List<ManualBlock> blocks() {
        return blocks;
    }

    /**
     * Runs its commands; what the page says they print they must print.
     *
     * @param playground an empty directory
     */
    public void run(Path playground, Duration limit) throws IOException {
        List<String> code = blocks.stream().flatMap(block -> block.lines().stream()).toList();
        List<String> said = code.stream().filter(line -> line.startsWith(PRINTS)).map(line -> line.substring(PRINTS.length())).toList();
        assertFalse(said.isEmpty(), "a page that says nothing of what comes out shows nothing");
        new PrintedLines(said).requireIn(ManualShell.run(code, playground, limit));
    }
}
