package io.walrelay.proxy.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A reader process's side of its conversation with the benchmark, a line each way at a time:
 *
 * <pre>
 *   reader                    benchmark
 *   ready                              all are logged in
 *                             go       start streaming
 *   started                            all stream
 *                             stop     only where the readers have no end of their own
 *   done BYTES LEAST NANOS NOTE        in all, of the slowest reader, since "go"
 *                             (end of input) exit
 * </pre>
 */
final class Conductor {

    private final BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    private volatile boolean stopped;

    void ready() {
        say("ready");
        expect("go");
    }

    void started() {
        say("started");
        Thread.ofPlatform().daemon().name("stop").start(() -> {
            // The end of the input is the end of the benchmark, whatever was to be done.
            String line = line();
            stopped = true;
            if (line == null) {
                Runtime.getRuntime().halt(1);
            }
            awaitEnd();
        });
    }

    boolean isStopped() {
        return stopped;
    }

    /** Reports and waits for the benchmark, which looks at the server's processes before the connections close. */
    void done(long bytes, long least, long nanos, String note) throws InterruptedException {
        say("done %d %d %d %s".formatted(bytes, least, nanos, note));
        Thread.currentThread().join();
    }

    private void awaitEnd() {
        String line;
        do {
            line = line();
        } while (line != null);
        Runtime.getRuntime().halt(0);
    }

    private void expect(String expected) {
        String line = line();
        if (!expected.equals(line)) {
            throw new IllegalStateException("was told \"%s\"; expected \"%s\"".formatted(line, expected));
        }
    }

    private @Nullable String line() {
        try {
            return input.readLine();
        } catch (IOException e) {
            throw new UncheckedIOException("could not read what the benchmark says", e);
        }
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
