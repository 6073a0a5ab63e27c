package io.walrelay.proxy.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The programs that can be a restore_command: the relay's own in Java, and its script in the shells that may be {@code /bin/sh}. */
public enum WalClient {
    JAVA,
    DASH,
    BASH;

    /** Tests run in the module's directory. */
    private static final Path SCRIPT = Path.of("src/main/resources/io/walrelay/proxy/http/restore.sh").toAbsolutePath();

    /** Starts it in {@code directory}, which is PostgreSQL's data directory; the leader of a group, as PostgreSQL's processes are. */
    public ExternalProcess start(Path directory, Map<String, String> environment, String... arguments) {
        List<String> command = new ArrayList<>(List.of("setsid", "env", "-C", directory.toString()));
        command.addAll(line("restore"));
        command.addAll(Arrays.asList(arguments));
        return ExternalProcess.start(command, environment);
    }

    /** Runs it to its end. */
    public Programs.Result run(Path directory, Map<String, String> environment, String... arguments) {
        try (ExternalProcess process = start(directory, environment, arguments)) {
            int status = process.awaitExit(Duration.ofSeconds(60));
            return new Programs.Result(List.of(arguments), status, process.output());
        }
    }

    /** A file that runs {@code walrelay restore} or {@code push}, for a setting of PostgreSQL: the command line may be too long for one. */
    public Path script(Path directory, String walrelayCommand) {
        try {
            String line = line(walrelayCommand).stream().map(word -> "'" + word.replace("'", "'\\''") + "'").collect(Collectors.joining(" "));
            Path script = Files.writeString(directory.resolve(walrelayCommand + "-" + name()), "#!/bin/sh\nexec %s \"$@\"\n".formatted(line));
            return Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
        } catch (IOException e) {
            throw new UncheckedIOException("could not write a script into " + directory, e);
        }
    }

    private List<String> line(String walrelayCommand) {
        return switch (this) {
            case JAVA -> {
                List<String> line = new ArrayList<>(WalrelayCommand.jvm());
                line.add(walrelayCommand);
                yield line;
            }
            case DASH -> List.of("dash", SCRIPT.toString());
            case BASH -> List.of("bash", "--posix", SCRIPT.toString());
        };
    }
}
