package io.walrelay.proxy.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Lines of code of the manual that stand together: indented by four or more, or between fences.
 *
 * @param page the file's path in the repository
 * @param line of the page where it begins, from 1 on
 * @param fenced whether it stands between fences
 * @param lines without what they all are indented by
 */
public record ManualBlock(String page, int line, boolean fenced, List<String> lines) {

    /** Tests run in the module's directory. */
    private static final Path REPOSITORY = Path.of("..");

    private static final String CODE = "    ";
    private static final String FENCE = "```";

    public ManualBlock {
        lines = List.copyOf(lines);
    }

    /** Those of all pages: README.md, the chart's and docs/. */
    public static List<ManualBlock> ofAllPages() throws IOException {
        List<ManualBlock> blocks = new ArrayList<>();
        try (Stream<Path> docs = Files.list(REPOSITORY.resolve("docs"))) {
            Stream<String> pages = docs.map(path -> "docs/" + path.getFileName()).filter(page -> page.endsWith(".md")).sorted();
            for (String page : Stream.concat(Stream.of("README.md", "helm/README.md"), pages).toList()) {
                blocks.addAll(of(page));
            }
        }
        return List.copyOf(blocks);
    }

    /** Those of a page, in their order. */
    public static List<ManualBlock> of(String page) throws IOException {
        List<String> text = Files.readAllLines(REPOSITORY.resolve(page));
        List<ManualBlock> blocks = new ArrayList<>();
        List<String> block = new ArrayList<>();
        boolean fenced = false;
        for (int i = 0; i <= text.size(); i++) {
            String line = i == text.size() ? "" : text.get(i);
            boolean fence = line.strip().startsWith(FENCE);
            if (!fence && !line.isBlank() && (fenced || line.startsWith(CODE))) {
                block.add(line);
            } else if (!block.isEmpty()) {
                blocks.add(new ManualBlock(page, i + 1 - block.size(), fenced, unindented(block)));
                block.clear();
            }
            fenced ^= fence;
        }
        return List.copyOf(blocks);
    }

    private static List<String> unindented(List<String> lines) {
        int indent = lines.stream().map(line -> line.length() - line.stripLeading().length()).min(Comparator.naturalOrder()).orElse(0);
        return lines.stream().map(line -> line.substring(indent)).toList();
    }

    public String text() {
        return String.join("\n", lines);
    }

    @Override
    public String toString() {
        return "%s:%d: %s".formatted(page, line, lines.getFirst());
    }
}
