package io.walrelay.proxy.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Prometheus' own checker of metrics and rules. Where it is missing the test fails; {@code .ci/prepare} brings it. */
public final class Promtool {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private Promtool() {}

    /**
     * Runs it to its end.
     *
     * @param input its standard input
     */
    public static Programs.Result run(String input, String... arguments) {
        List<String> command = new ArrayList<>(List.of(path().toString()));
        command.addAll(Arrays.asList(arguments));
        try {
            Path in = Files.createTempFile("walrelay-promtool-", ".in");
            Path out = Files.createTempFile("walrelay-promtool-", ".out");
            try {
                Files.writeString(in, input, StandardCharsets.UTF_8);
                return run(command, in, out);
            } finally {
                Files.deleteIfExists(in);
                Files.deleteIfExists(out);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("could not run " + command, e);
        }
    }

    private static Programs.Result run(List<String> command, Path in, Path out) throws IOException {
        Process process = new ProcessBuilder(command).redirectInput(in.toFile()).redirectErrorStream(true).redirectOutput(out.toFile()).start();
        try {
            if (!process.waitFor(LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new AssertionError("%s did not end within %s".formatted(command, LIMIT));
            }
            return new Programs.Result(command, process.exitValue(), Files.readString(out, StandardCharsets.UTF_8));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting for " + command, e);
        } finally {
            process.destroyForcibly();
        }
    }

    private static Path path() {
        List<Path> places = Stream.concat(
                        Optional.ofNullable(System.getenv("PROMTOOL")).filter(told -> !told.isEmpty()).map(Path::of).stream(),
                        Stream.of(Path.of("/usr/bin/promtool"), Programs.cache().resolve("prometheus/promtool")))
                .toList();
        return places.stream()
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new AssertionError("promtool is missing, at none of %s; this brings it: .ci/prepare".formatted(places)));
    }
}
