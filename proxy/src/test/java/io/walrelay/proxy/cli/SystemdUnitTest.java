package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The unit file that the manual offers, against the program that it starts. */
final class SystemdUnitTest {

    private static List<String> lines;

    @BeforeAll
    static void read() throws IOException {
        lines = Files.readAllLines(Path.of("../docs/systemd/walrelay.service"));
    }

    private static String value(String key) {
        return lines.stream().filter(line -> line.startsWith(key + "=")).map(line -> line.substring(key.length() + 1)).findFirst().orElseThrow();
    }

    @Test
    void startsWhatTheCommandLineKnows() {
        List<String> words = Arrays.asList(value("ExecStart").split(" ", -1));
        assertEquals("/opt/walrelay/walrelay", words.getFirst());
        var parsed = Main.commandLine().parseArgs(words.subList(1, words.size()).toArray(String[]::new));
        assertEquals("serve", parsed.subcommand().commandSpec().name());
        assertTrue(parsed.subcommand().hasMatchedOption("--config"));
    }

    /** Relay.stop gives sessions ten seconds more than standbys.stop-timeout, whose default is in the manual of keys. */
    @Test
    void letsItStopInOrder() throws IOException {
        String stop = Files.readAllLines(Path.of("../docs/configure.md")).stream().filter(line -> line.startsWith("| `standbys.stop-timeout` | `30s` ")).findFirst().orElse("");
        assertTrue(!stop.isEmpty(), "standbys.stop-timeout has another default: see TimeoutStopSec in docs/systemd/walrelay.service");
        assertTrue(Integer.parseInt(value("TimeoutStopSec")) > 30 + 10);
        assertEquals("143", value("SuccessExitStatus"));
        assertEquals("notify", value("Type"));
    }
}
