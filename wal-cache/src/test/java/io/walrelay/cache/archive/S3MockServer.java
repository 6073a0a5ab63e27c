package io.walrelay.cache.archive;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * A server on loopback that speaks S3 (Adobe's S3Mock), a process of its own, with an empty bucket {@code wal}. Whoever starts it closes it; it
 * does not outlive this process.
 */
public final class S3MockServer implements AutoCloseable {

    public static final String BUCKET = "wal";

    private static final Duration LIMIT = Duration.ofMinutes(2);

    private final Process process;
    private final int port;
    private final OneAtATime front;
    private final Thread endAtExit;

    private S3MockServer(Process process, int port) {
        this.process = process;
        this.port = port;
        this.front = new OneAtATime("http://127.0.0.1:" + port);
        this.endAtExit = Thread.ofPlatform().unstarted(process::destroyForcibly);
        Runtime.getRuntime().addShutdownHook(endAtExit);
    }

    /**
     * Starts it and waits until it answers.
     *
     * @param directory an existing directory for its files and its log
     */
    public static S3MockServer start(Path directory) {
        // Tests of another module have it from this one.
        Path jar = Stream.of("target", "../wal-cache/target")
                .map(target -> Path.of(target, "s3mock", "s3mock.jar").toAbsolutePath().normalize())
                .filter(Files::isRegularFile)
                .findFirst()
                .orElseThrow(() -> new AssertionError("wal-cache/target/s3mock/s3mock.jar is missing; \"mvn verify\" puts it there"));
        int port = freePort();
        File log = directory.resolve("s3mock.log").toFile();
        ProcessBuilder builder = new ProcessBuilder(
                        List.of(ProcessHandle.current().info().command().orElseThrow(), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", jar.toString()))
                .redirectErrorStream(true)
                .redirectOutput(log);
        builder.environment().putAll(Map.of(
                "SERVER_ADDRESS", "127.0.0.1",
                "SERVER_PORT", Integer.toString(freePort()),
                "HTTP_PORT", Integer.toString(port),
                "COM_ADOBE_TESTING_S3MOCK_STORE_INITIALBUCKETS", BUCKET,
                "COM_ADOBE_TESTING_S3MOCK_STORE_ROOT", directory.resolve("s3mock").toString()));
        try {
            S3MockServer server = new S3MockServer(builder.start(), port);
            server.awaitAnswer(log);
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException("could not start S3Mock", e);
        }
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException("no free port", e);
        }
    }

    private void awaitAnswer(File log) throws IOException {
        long until = System.nanoTime() + LIMIT.toNanos();
        while (!answers()) {
            if (!process.isAlive() || System.nanoTime() > until) {
                close();
                throw new AssertionError("S3Mock does not answer; its log:\n" + Files.readString(log.toPath()));
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
        }
    }

    private boolean answers() {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:%d/%s".formatted(port, BUCKET))).timeout(Duration.ofSeconds(5)).build();
            return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    public String endpoint() {
        return front.endpoint();
    }

    /** What happens to requests from now on. */
    public void faults(Fault.Of faults) {
        front.faults(faults);
    }

    /** As {@code archive.url} says it. */
    public String url(String prefix) {
        return "s3://%s/%s?endpoint=%s".formatted(BUCKET, prefix, endpoint());
    }

    public long pid() {
        return process.pid();
    }

    @Override
    public void close() {
        front.close();
        process.destroyForcibly();
        try {
            process.waitFor();
            Runtime.getRuntime().removeShutdownHook(endAtExit);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IllegalStateException exiting) {
            // The hook does the same.
            return;
        }
    }
}
