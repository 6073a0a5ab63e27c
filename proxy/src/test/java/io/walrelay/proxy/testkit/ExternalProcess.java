package io.walrelay.proxy.testkit;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.OsProcess;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A program that runs beside the test: it can be watched through its output, asked to end, and killed with everything below it.
 * Closing kills it. Thread-safe; one of these belongs to whoever started it.
 */
public final class ExternalProcess implements AutoCloseable {

    private final List<String> command;
    private final Path output;
    private final Process process;

    private ExternalProcess(List<String> command, Path output, Process process) {
        this.command = command;
        this.output = output;
        this.process = process;
    }

    /** Starts {@code command}; standard output and error go to one file, standard input is empty. */
    public static ExternalProcess start(List<String> command, Map<String, String> environment) {
        try {
            Path output = Files.createTempFile("walrelay-process-", ".log");
            ProcessBuilder builder = new ProcessBuilder(command)
                    .redirectInput(new File("/dev/null"))
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile());
            builder.environment().keySet().removeIf(name -> name.startsWith("PG") || name.startsWith("WALRELAY"));
            builder.environment().put("LC_ALL", "C");
            builder.environment().putAll(environment);
            return new ExternalProcess(command, output, builder.start());
        } catch (IOException e) {
            throw new UncheckedIOException("could not start " + command, e);
        }
    }

    /** Starts {@code command} in the environment of the test. */
    public static ExternalProcess start(List<String> command) {
        return start(command, Map.of());
    }

    /** All that it has printed. */
    public String output() {
        try {
            return Files.readString(output, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("could not read what %s printed".formatted(command), e);
        }
    }

    /** Waits until it has printed {@code fragment}; ends early, as a failure, when the program does. */
    public void awaitOutput(String fragment, Duration limit) {
        Await.until(
                "%s to print \"%s\"".formatted(command.getFirst(), fragment),
                limit,
                this::output,
                text -> text.contains(fragment) || !process.isAlive());
        if (!output().contains(fragment)) {
            throw new AssertionError("%s ended with %d and never printed \"%s\": %s"
                    .formatted(command, process.exitValue(), fragment, output()));
        }
    }

    /**
     * Waits for its end and returns the exit status; 128 and the signal's number when a signal ended it.
     *
     * @throws AssertionError when {@code limit} has passed; it is killed then
     */
    public int awaitExit(Duration limit) {
        try {
            if (process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS)) {
                return process.exitValue();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting for " + command, e);
        }
        kill();
        throw new AssertionError("%s did not end within %s: %s".formatted(command, limit, output()));
    }

    /** Sends a signal by its name without SIG: TERM, INT, STOP, CONT. */
    public void signal(String name) {
        OsProcess.signal(process.toHandle(), name);
    }

    /** Kills it (SIGKILL) with everything below it, and waits until all of it is gone. */
    public void kill() {
        OsProcess.killTree(process.toHandle());
        Await.until("the exit status of " + command.getFirst(), Duration.ofSeconds(30), () -> !process.isAlive());
    }

    public boolean isRunning() {
        return process.isAlive();
    }

    public long pid() {
        return process.pid();
    }

    /** Kills what still runs and deletes the captured output. */
    @Override
    public void close() {
        if (process.isAlive()) {
            kill();
        }
        try {
            Files.deleteIfExists(output);
        } catch (IOException e) {
            throw new UncheckedIOException("could not delete " + output, e);
        }
    }
}
