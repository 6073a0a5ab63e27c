package io.walrelay.proxy.testkit;

import io.walrelay.proxy.demo.PostgresBinaries;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One major version of PostgreSQL's own programs as Debian builds them (pg_receivewal, pg_basebackup, psql, pgbench, pg_waldump …):
 * real clients, which the relay must please. A missing program fails the test; {@code .ci/prepare} brings them.
 *
 * @param home the directory that has {@code bin/}
 */
public record Programs(Path home) {

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

    /** The programs of a major version; 15 and 18 are what {@code .ci/prepare} brings. */
    public static Programs version(int major) {
        List<Path> homes = homes(major);
        return homes.stream()
                .filter(home -> Files.isExecutable(home.resolve("bin/postgres")))
                .findFirst()
                .map(Programs::new)
                .orElseThrow(() -> new AssertionError(
                        "PostgreSQL %d's own programs are missing, none of %s has bin/postgres; this brings them: .ci/prepare".formatted(major, homes)));
    }

    /** Where a variable says; else where Debian installs them or {@code .ci/prepare} extracts them. */
    private static List<Path> homes(int major) {
        String told = variable("TEST_POSTGRESQL_" + major);
        if (told != null) {
            return List.of(Path.of(told));
        }
        String installed = "usr/lib/postgresql/" + major;
        return List.of(Path.of("/").resolve(installed), cache().resolve("postgresql-" + major).resolve(installed));
    }

    /** As .ci/prepare has it. */
    static Path cache() {
        String told = variable("XDG_CACHE_HOME");
        String home = variable("HOME");
        Path base = told != null ? Path.of(told) : Path.of(home != null ? home : System.getProperty("user.home"), ".cache");
        return base.resolve("walrelay");
    }

    private static @Nullable String variable(String name) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? null : value;
    }

    /** The server of the same build, with contrib beside it. */
    public PostgresBinaries server() {
        return PostgresBinaries.installedIn(home);
    }

    /** Runs a program to its end. */
    public Result run(Duration limit, String program, String... arguments) {
        try (ExternalProcess process = start(program, arguments)) {
            int status = process.awaitExit(limit);
            return new Result(command(program, arguments), status, process.output());
        }
    }

    /** Starts a program that runs until it is told to end, such as pg_receivewal. The caller closes it. */
    public ExternalProcess start(String program, String... arguments) {
        return ExternalProcess.start(command(program, arguments));
    }

    private List<String> command(String program, String... arguments) {
        List<String> command = new ArrayList<>(List.of(path(program).toString()));
        command.addAll(Arrays.asList(arguments));
        return command;
    }

    private Path path(String program) {
        Path path = home.resolve("bin").resolve(program);
        if (!Files.isExecutable(path)) {
            throw new AssertionError("%s is missing; this brings it: .ci/prepare".formatted(path));
        }
        return path;
    }
}
