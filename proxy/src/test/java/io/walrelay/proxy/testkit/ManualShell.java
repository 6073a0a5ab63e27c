package io.walrelay.proxy.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.demo.OsProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The shell that the manual's commands are for: bash, as a user that is not root, with {@code walrelay} on its path, and ports that are free. */
final class ManualShell {

    /** A line that gives several variables numbers gives ports. */
    private static final Pattern PORTS = Pattern.compile("(?:[A-Z]+[0-9]?=\\d{4} ?)+");

    private static final Pattern PORT = Pattern.compile("\\b\\d{4}\\b");

    /** The tests' JVMs have less memory than a relay's by default. */
    private static final Map<String, String> ENVIRONMENT = Map.of("WALRELAY_CACHE_MEMORY", "32MB");

    /** How long it may take to end what was started, when the limit has passed. */
    private static final Duration AT_THE_END = Duration.ofSeconds(20);

    private static final String HEAD = """
            set -euE
            at_the_end() {
                set +e
                jobs -p | xargs -r kill
                for pid in */postmaster.pid; do pg_ctl -D "${pid%/*}" -m immediate stop; done
            }
            trap 'echo "FAILED: $BASH_COMMAND" >&2' ERR
            trap 'echo "the limit has passed in: $BASH_COMMAND" >&2; exit 124' TERM
            trap 'status=$?; at_the_end >/dev/null 2>&1; [ $status = 0 ] || tail -n 30 *.log >&2' EXIT
            """;

    private ManualShell() {}

    /**
     * Runs commands, which must succeed.
     *
     * @param playground an empty directory, where they begin; servers and jobs that they leave there are ended
     * @return what they printed
     */
    static String run(List<String> commands, Path playground, Duration limit) throws IOException {
        Path script = Files.writeString(playground.resolve("commands"), HEAD + String.join("\n", withFreePorts(commands)) + "\n");
        Path walrelay = Files.createDirectory(playground.resolve("bin")).resolve("walrelay");
        Files.writeString(walrelay, "#!/bin/sh\nexec %s \"$@\"\n".formatted(WalrelayCommand.shellCommand()));
        Files.setPosixFilePermissions(walrelay, PosixFilePermissions.fromString("rwxr-xr-x"));
        List<String> shell = OsProcess.unprivileged(List.of("sh", "-c", "cd \"$1\" && PATH=$1/bin:$PATH exec timeout --foreground $3 bash \"$2\"", "sh", playground.toString(), script.toString(), Long.toString(limit.toSeconds())));
        try (ExternalProcess process = ExternalProcess.start(shell, ENVIRONMENT)) {
            int status = process.awaitExit(limit.plus(AT_THE_END));
            String output = process.output();
            assertEquals(0, status, output);
            return output;
        }
    }

    private static List<String> withFreePorts(List<String> commands) {
        Map<String, String> free = new HashMap<>();
        commands.stream()
                .filter(line -> PORTS.matcher(line).matches())
                .forEach(line -> PORT.matcher(line.replace('=', ' ')).results().forEach(port -> free.computeIfAbsent(port.group(), _ -> Integer.toString(FreePort.next()))));
        return commands.stream().map(line -> PORT.matcher(line).replaceAll(port -> Matcher.quoteReplacement(free.getOrDefault(port.group(), port.group())))).toList();
    }
}
