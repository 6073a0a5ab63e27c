package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every path of the HTTP port that the manual names is one that it answers. */
final class ManualPathsTest {

    private static final Pattern PATH = Pattern.compile("/(?:api/v1|wal)/[A-Za-z0-9_{}./$-]*[A-Za-z0-9_}]");

    @Test
    void thePortAnswersThem() throws IOException {
        Set<String> paths = new TreeSet<>();
        try (Stream<Path> pages = Files.list(Path.of("../docs"))) {
            for (Path page : Stream.concat(Stream.of(Path.of("../README.md")), pages.filter(path -> path.toString().endsWith(".md"))).toList()) {
                Matcher path = PATH.matcher(Files.readString(page).replaceAll("`?walrelay/wal/|relay/wal/", ""));
                while (path.find()) {
                    paths.add(path.group());
                }
            }
        }
        assertTrue(paths.size() > 20, paths::toString);
        assertEquals(Set.of(), paths.stream().filter(path -> Endpoint.at(path).isEmpty()).collect(Collectors.toCollection(TreeSet::new)));
    }
}
