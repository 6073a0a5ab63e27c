package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code walrelay demo} as a visitor runs it: a primary, the relay and two standbys, which end with equal data and leave nothing. */
@Tag("alone")
final class DemoIT {

    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final int SECONDS = 14;

    private static final String POSITION = "[0-9A-F]+/[0-9A-F]+";
    private static final Pattern PROGRESS = Pattern.compile(
            " *([\\d,]+) commits  primary (@)  relay (@|away)  standby a (@) \\(([\\d,]+) bytes behind\\)  standby b (@) \\(([\\d,]+) bytes behind\\)"
                    .replace("@", POSITION));
    private static final Pattern KILLED = Pattern.compile("kill -9 of the relay \\(process (\\d+)\\), and start it again");
    private static final Pattern BACK = Pattern.compile("relay     started again as process (\\d+), listening after \\d+ ms");
    private static final Pattern EQUAL =
            Pattern.compile("standby ([ab]) replayed everything up to (" + POSITION + "): ([\\d,]+) rows, the same as the primary's");

    /** Where the demo makes what it deletes again. */
    @TempDir
    private Path temporary;

    private ExternalProcess demo(String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                // Who starts the tests in the background of a shell has them ignore SIGINT, which would be passed on.
                "env",
                "--default-signal=INT",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djava.io.tmpdir=" + temporary,
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                "io.walrelay.proxy.cli.Main",
                "demo"));
        command.addAll(Arrays.asList(arguments));
        return ExternalProcess.start(command);
    }

    @Test
    void theDemoShowsPositionsAndLagKillsTheRelayAndEndsWithBothStandbysEqual() throws IOException {
        List<String> lines;
        try (ExternalProcess demo = demo("--seconds", Integer.toString(SECONDS), "--check")) {
            int status = demo.awaitExit(LIMIT);
            assertEquals(0, status, demo.output());
            lines = demo.output().lines().toList();
        }
        String all = String.join("\n", lines);

        List<MatchResult> progress = matches(PROGRESS, lines);
        // One a second, but for the time that the relay needs to come back on a machine that is busy.
        assertTrue(progress.size() >= SECONDS / 3 && progress.size() <= SECONDS, all);
        for (int group : new int[] {2, 4, 6}) {
            assertTrue(isAscending(progress.stream().map(line -> Lsn.parse(line.group(group))).toList()), all);
        }
        assertTrue(isAscending(progress.stream().map(line -> number(line.group(1))).toList()), all);
        assertTrue(number(progress.getLast().group(1)) > 100, all);
        for (MatchResult line : progress) {
            for (int standby : new int[] {4, 6}) {
                long behind = Lsn.parse(line.group(2)).minus(Lsn.parse(line.group(standby)));
                assertEquals(Math.max(0, behind), number(line.group(standby + 1)), line.group());
            }
        }

        List<MatchResult> killed = matches(KILLED, lines);
        List<MatchResult> back = matches(BACK, lines);
        assertEquals(List.of(1, 1), List.of(killed.size(), back.size()), all);
        assertNotEquals(killed.getFirst().group(1), back.getFirst().group(1), all);
        List<MatchResult> before = matches(PROGRESS, lines.subList(0, lines.indexOf(killed.getFirst().group())));
        List<MatchResult> after = matches(PROGRESS, lines.subList(lines.indexOf(back.getFirst().group()), lines.size()));
        String relayBefore = lastPositionOfRelay(before);
        String relayAfter = lastPositionOfRelay(after);
        assertTrue(Lsn.parse(relayAfter).isAfter(Lsn.parse(relayBefore)), all);

        List<MatchResult> equal = matches(EQUAL, lines);
        assertEquals(List.of("a", "b"), equal.stream().map(line -> line.group(1)).toList(), all);
        for (MatchResult line : equal) {
            assertTrue(number(line.group(3)) >= number(progress.getLast().group(1)), all);
            assertTrue(Lsn.parse(line.group(2)).isAtLeast(Lsn.parse(progress.getLast().group(2))), all);
        }
        assertEquals(List.of(), left(), "files that are left");
    }

    /** At different moments: while initdb runs, while the relay starts, while a standby is copied, while all of them run. */
    @ParameterizedTest
    @CsvSource({"INT, 130, unpacking", "INT, 130, primary   ", "TERM, 143, relay     ", "INT, 130, standby a", "INT, 130, bytes behind", "TERM, 143, bytes behind"})
    void aSignalEndsTheDemoAndLeavesNothing(String signal, int status, String when) throws IOException {
        try (ExternalProcess demo = demo()) {
            demo.awaitOutput(when, LIMIT);
            List<ProcessHandle> all = ProcessHandle.of(demo.pid()).orElseThrow().descendants().toList();
            if (when.equals("bytes behind")) {
                assertTrue(all.size() > 3, () -> "primary, relay, two standbys and what they started: " + all);
            }
            demo.signal(signal);
            assertEquals(status, demo.awaitExit(Duration.ofSeconds(30)), demo::output);
            assertTrue(demo.output().contains("stopped"), demo::output);
            assertTrue(!demo.output().contains("Exception"), demo::output);
            Await.until("all processes to be gone", Duration.ofSeconds(10), () -> all.stream().filter(ProcessHandle::isAlive).toList(), List::isEmpty);
            assertEquals(List.of(), left(), "files that are left");
        }
    }

    @ParameterizedTest
    @CsvSource({"0", "-1"})
    void aDemoOfNoTimeIsRefused(String seconds) throws IOException {
        try (ExternalProcess demo = demo("--seconds", seconds)) {
            assertEquals(2, demo.awaitExit(LIMIT), demo::output);
            assertTrue(
                    demo.output().contains("--seconds is %s; expected at least 1, or no --seconds to run until Ctrl-C".formatted(seconds)),
                    demo::output);
            assertEquals(List.of(), left(), "files that are left");
        }
    }

    /** On a machine that is busy, the relay may not answer within a second. */
    private static String lastPositionOfRelay(List<MatchResult> progress) {
        return progress.stream().map(line -> line.group(3)).filter(position -> !position.equals("away")).reduce((_, last) -> last).orElseThrow();
    }

    private List<String> left() throws IOException {
        try (Stream<Path> files = Files.list(temporary)) {
            return files.map(Path::toString).toList();
        }
    }

    private static List<MatchResult> matches(Pattern pattern, List<String> lines) {
        return lines.stream().map(pattern::matcher).filter(matcher -> matcher.matches()).map(matcher -> matcher.toMatchResult()).toList();
    }

    private static long number(String text) {
        return Long.parseLong(text.replace(",", ""));
    }

    private static <T extends Comparable<T>> boolean isAscending(List<T> values) {
        for (int i = 1; i < values.size(); i++) {
            if (values.get(i).compareTo(values.get(i - 1)) < 0) {
                return false;
            }
        }
        return true;
    }
}
