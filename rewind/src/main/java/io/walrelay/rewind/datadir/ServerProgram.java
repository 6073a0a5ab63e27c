package io.walrelay.rewind.datadir;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** The program {@code postgres} of the target's version, which knows its configuration: it is asked, never started as a server. */
public record ServerProgram(Path path) {

    /** Where distributions install it. */
    private static final List<String> HOMES = List.of("/usr/lib/postgresql/%d/bin", "/usr/pgsql-%d/bin", "/usr/local/pgsql/bin");

    /**
     * @param environment for PATH, which is looked at first
     * @throws RefusedException when there is none
     */
    public static ServerProgram find(int major, Map<String, String> environment) throws IOException, RefusedException {
        Stream<Path> onPath = Arrays.stream(environment.getOrDefault("PATH", "").split(":", -1)).filter(part -> !part.isEmpty()).map(Path::of);
        for (Path directory : Stream.concat(onPath, HOMES.stream().map(home -> Path.of(home.formatted(major)))).toList()) {
            Path candidate = directory.resolve("postgres");
            if (Files.isExecutable(candidate) && run(List.of(candidate.toString(), "--version")).filter(text -> text.contains(" " + major + ".")).isPresent()) {
                return new ServerProgram(candidate);
            }
        }
        throw new RefusedException("program \"postgres\" of version %d is needed to read the target's configuration and was not found".formatted(major),
                "It is looked for on PATH and in /usr/lib/postgresql/%d/bin.".formatted(major));
    }

    /** A setting as the target's configuration has it. */
    public String setting(String name, Path target, Optional<Path> configFile) throws IOException, RefusedException {
        List<String> command = new ArrayList<>(List.of(path.toString(), "-D", target.toString()));
        configFile.ifPresent(file -> command.addAll(List.of("-c", "config_file=" + file)));
        command.addAll(List.of("-C", name));
        return run(command).map(String::strip)
                .orElseThrow(() -> new RefusedException("could not read %s from the target's configuration: %s failed".formatted(name, String.join(" ", command)),
                        "Where the configuration lies outside the data directory, name it with --config-file."));
    }

    /** What it prints; empty when it fails. */
    private static Optional<String> run(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command)
                .redirectInput(Redirect.from(Path.of("/dev/null").toFile()))
                .redirectError(Redirect.INHERIT)
                .start();
        try {
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor() == 0 ? Optional.of(output) : Optional.empty();
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while asking " + command.getFirst());
        }
    }
}
