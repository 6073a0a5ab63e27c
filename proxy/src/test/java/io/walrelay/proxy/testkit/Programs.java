package io.walrelay.proxy.testkit;

import io.walrelay.proxy.demo.PostgresBinaries;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * PostgreSQL 15's own programs as Debian installs them (pg_receivewal, pg_basebackup, psql, pgbench, pg_waldump …): real
 * clients, which the relay must please. A missing program fails the test; {@code .ci/run} installs them.
 */
public final class Programs {

    private static final Path HOME = Path.of("/usr/lib/postgresql/15");

    private Programs() {}

    /** What a program printed, standard output and error together, and its exit status. */
    public record Result(List<String> command, int status, String output) {

        /** The output, if the program succeeded. */
        public String orFail() {
            if (status != 0) {
                throw new AssertionError("%s exited with %d: %s".formatted(command, status, output));
            }
            return output;
        }
    }

    /** Debian's server: the same programs, with contrib and all tools beside them. */
    public static PostgresBinaries server() {
        path("postgres");
        return PostgresBinaries.installedIn(HOME);
    }

    /** Runs a program to its end. */
    public static Result run(Duration limit, String program, String... arguments) {
        try (ExternalProcess process = start(program, arguments)) {
            int status = process.awaitExit(limit);
            return new Result(command(program, arguments), status, process.output());
        }
    }

    /** Starts a program that runs until it is told to end, such as pg_receivewal. The caller closes it. */
    public static ExternalProcess start(String program, String... arguments) {
        return ExternalProcess.start(command(program, arguments));
    }

    private static List<String> command(String program, String... arguments) {
        List<String> command = new ArrayList<>(List.of(path(program).toString()));
        command.addAll(Arrays.asList(arguments));
        return command;
    }

    private static Path path(String program) {
        Path path = HOME.resolve("bin").resolve(program);
        if (!Files.isExecutable(path)) {
            throw new AssertionError("%s is missing; install the packages postgresql-15 and postgresql-client-15".formatted(path));
        }
        return path;
    }
}
