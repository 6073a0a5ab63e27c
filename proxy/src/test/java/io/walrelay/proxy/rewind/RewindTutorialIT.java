package io.walrelay.proxy.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.demo.OsProcess;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.WalrelayCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs every command of docs/rewind.md, in their order, in one shell; what the page says they print they print. */
class RewindTutorialIT {

    private static final Path PAGE = Path.of("..", "docs", "rewind.md");
    private static final String CODE = "    ";
    private static final String PRINTS = "# → ";

    @TempDir
    private Path playground;

    @Test
    void thePagesCommandsDoWhatItSays() throws IOException {
        List<String> code = Files.readAllLines(PAGE).stream().filter(line -> line.startsWith(CODE)).map(line -> line.substring(CODE.length())).toList();
        String commands = code.stream()
                .map(line -> line.replace("OLD=5441 NEW=5442", "OLD=%d NEW=%d".formatted(FreePort.next(), FreePort.next())))
                .collect(Collectors.joining("\n", "set -eu\ntrap 'for d in old new; do pg_ctl -D $d -m immediate stop || :; done >/dev/null 2>&1' EXIT\n", "\n"));
        Path script = Files.writeString(playground.resolve("commands"), commands);
        Path walrelay = Files.createDirectory(playground.resolve("bin")).resolve("walrelay");
        Files.writeString(walrelay, "#!/bin/sh\nexec %s \"$@\"\n".formatted(WalrelayCommand.shellCommand()));
        Files.setPosixFilePermissions(walrelay, PosixFilePermissions.fromString("rwxr-xr-x"));

        List<String> shell = OsProcess.unprivileged(List.of("sh", "-c", "cd \"$1\" && PATH=$1/bin:$PATH exec bash \"$2\"", "sh", playground.toString(), script.toString()));
        try (ExternalProcess process = ExternalProcess.start(shell, Map.of())) {
            int status = process.awaitExit(Duration.ofMinutes(2));
            String output = process.output();
            assertEquals(0, status, output);
            List<String> said = code.stream().filter(line -> line.startsWith(PRINTS)).map(line -> line.substring(PRINTS.length())).toList();
            assertEquals(3, said.size());
            said.forEach(text -> assertTrue(output.contains(text), () -> "\"%s\" is not in: %s".formatted(text, output)));
        }
    }
}
