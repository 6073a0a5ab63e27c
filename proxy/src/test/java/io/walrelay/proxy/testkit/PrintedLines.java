package io.walrelay.proxy.testkit;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What a page says is printed: whole lines, in the page's order, other lines between them; in a line … stands for anything. */
record PrintedLines(List<String> expected) {

    PrintedLines {
        expected = List.copyOf(expected);
    }

    /** The first line that is not in {@code output} after those that come before it. */
    Optional<String> missingIn(String output) {
        List<String> printed = output.lines().toList();
        int at = 0;
        for (String line : expected) {
            Pattern pattern = pattern(line);
            while (at < printed.size() && !pattern.matcher(printed.get(at)).matches()) {
                at++;
            }
            if (at == printed.size()) {
                return Optional.of(line);
            }
            at++;
        }
        return Optional.empty();
    }

    private static Pattern pattern(String line) {
        return Pattern.compile(Arrays.stream(line.split("…", -1)).map(Pattern::quote).collect(Collectors.joining(".*")));
    }

    void requireIn(String output) {
        missingIn(output).ifPresent(line -> {
            throw new AssertionError("the line \"%s\" is not printed after those before it: %s".formatted(line, output));
        });
    }
}
