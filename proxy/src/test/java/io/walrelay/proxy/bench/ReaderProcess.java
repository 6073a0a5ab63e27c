package io.walrelay.proxy.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A process with many readers of one server, seen from the benchmark; see {@link Conductor} for what both say. Confined to one thread. */
final class ReaderProcess implements AutoCloseable {

    private final Process process;
    private final BufferedReader output;

    private ReaderProcess(Process process) {
        this.process = process;
        this.output = process.inputReader(StandardCharsets.UTF_8);
    }

    /** What the readers received, in bytes on the wire under TLS or not: WAL and message headers. */
    record Received(long bytes, long least, long nanos, String note) {

        double seconds() {
            return nanos / 1e9;
        }
    }

    /** Readers without TLS; returns when all are logged in. */
    static ReaderProcess plain(ReaderArguments arguments) {
        return start(PlainReaders.class, arguments);
    }

    /** Readers with TLS; returns when all are logged in. */
    static ReaderProcess tls(ReaderArguments arguments) {
        return start(TlsReaders.class, arguments);
    }

    private static ReaderProcess start(Class<?> main, ReaderArguments arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
        command.addAll(arguments.toList());
        try {
            ReaderProcess readers = new ReaderProcess(new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start());
            try {
                readers.expect("ready");
                return readers;
            } catch (RuntimeException e) {
                readers.close();
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException("could not start " + command, e);
        }
    }

    /** Lets all of them stream; returns when all do. */
    void go() {
        say("go");
        expect("started");
    }

    /** Waits until each has all its bytes. The connections stay open. */
    Received awaitAll() {
        return done(line());
    }

    /** Ends reading. The connections stay open. */
    Received stop() {
        say("stop");
        return done(line());
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }

    private static Received done(String line) {
        String[] words = line.split(" ", 5);
        if (words.length != 5 || !words[0].equals("done")) {
            throw new IllegalStateException("a reader process said \"%s\"; expected \"done BYTES LEAST NANOS NOTE\"".formatted(line));
        }
        return new Received(Long.parseLong(words[1]), Long.parseLong(words[2]), Long.parseLong(words[3]), words[4]);
    }

    private void expect(String expected) {
        String line = line();
        if (!line.equals(expected)) {
            throw new IllegalStateException("a reader process said \"%s\"; expected \"%s\"".formatted(line, expected));
        }
    }

    private String line() {
        try {
            String line = output.readLine();
            if (line == null) {
                throw new IllegalStateException("a reader process ended with %d".formatted(process.onExit().join().exitValue()));
            }
            return line;
        } catch (IOException e) {
            throw new UncheckedIOException("could not read what a reader process says", e);
        }
    }

    private void say(String line) {
        try {
            process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
        } catch (IOException e) {
            throw new UncheckedIOException("could not tell a reader process: " + line, e);
        }
    }
}
