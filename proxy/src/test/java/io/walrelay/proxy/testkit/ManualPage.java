package io.walrelay.proxy.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.demo.OsProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A page of {@code docs/} whose code can be pasted from the first line to the last: indented lines are commands of one shell, a comment that
 * begins with an arrow is the line that is printed then ({@link PrintedLines}), and a line that gives several variables numbers gives ports.
 */
public final class ManualPage {

    private static final String CODE = "    ";
    private static final String PRINTS = "# → ";
    private static final Pattern PORT = Pattern.compile("\\b([A-Z]+)=\\d{4}\\b");

    /** The tests' JVMs have less memory than a relay's by default. */
    private static final Map<String, String> SMALL = Map.of("WALRELAY_CACHE_MEMORY", "32MB");

    private final List<String> code;

    /** Tests run in the module's directory. */
    public ManualPage(String name) throws IOException {
        this.code = Files.readAllLines(Path.of("..", "docs", name)).stream().filter(line -> line.startsWith(CODE)).map(line -> line.substring(CODE.length())).toList();
    }

    /**
     * Runs its commands, as a user that is not root, with {@code walrelay} on the path and ports that are free.
     *
     * @param playground an empty directory
     * @param atTheEnd one more command, which is run whatever happens: ends what the page's commands started
     */
    public void run(Path playground, String atTheEnd, Duration limit) throws IOException {
        List<String> said = code.stream().filter(line -> line.startsWith(PRINTS)).map(line -> line.substring(PRINTS.length())).toList();
        assertFalse(said.isEmpty(), "a page that says nothing of what comes out shows nothing");
        Path script = Files.writeString(
                playground.resolve("commands"), "set -eu\ntrap '{ %s; } >/dev/null 2>&1' EXIT\n%s\n".formatted(atTheEnd, String.join("\n", code.stream().map(ManualPage::withFreePorts).toList())));
        Path walrelay = Files.createDirectory(playground.resolve("bin")).resolve("walrelay");
        Files.writeString(walrelay, "#!/bin/sh\nexec %s \"$@\"\n".formatted(WalrelayCommand.shellCommand()));
        Files.setPosixFilePermissions(walrelay, PosixFilePermissions.fromString("rwxr-xr-x"));
        List<String> shell = OsProcess.unprivileged(List.of("sh", "-c", "cd \"$1\" && PATH=$1/bin:$PATH exec bash \"$2\"", "sh", playground.toString(), script.toString()));
        try (ExternalProcess process = ExternalProcess.start(shell, SMALL)) {
            int status = process.awaitExit(limit);
            String output = process.output();
            assertEquals(0, status, output);
            new PrintedLines(said).requireIn(output);
        }
    }

    private static String withFreePorts(String line) {
        Matcher ports = PORT.matcher(line);
        return line.matches("([A-Z]+=\\d{4} ?)+") ? ports.replaceAll(port -> "%s=%d".formatted(port.group(1), FreePort.next())) : line;
    }
}
