package io.walrelay.proxy.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The relay as a process of its own, so that it can be killed as power loss would kill it and started again on the same ports
 * and data. It does not outlive this process. Confined to one thread.
 */
final class RelayChild implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final LocalPostgres upstream;
    private final Path directory;
    private final int port = FreePort.next();
    private final int httpPort = FreePort.next();
    private final Thread killAtExit = Thread.ofPlatform().name("kill-relay").unstarted(this::kill);
    private volatile Process process;

    private RelayChild(LocalPostgres upstream, Path directory) {
        this.upstream = upstream;
        this.directory = directory;
        this.process = launch();
        Runtime.getRuntime().addShutdownHook(killAtExit);
    }

    /** Starts a relay of {@code upstream} whose files and log are in {@code directory}. */
    static RelayChild start(LocalPostgres upstream, Path directory) {
        RelayChild relay = new RelayChild(upstream, directory);
        relay.awaitPort();
        return relay;
    }

    private Process launch() {
        ProcessHandle.Info self = ProcessHandle.current().info();
        List<String> command = new ArrayList<>(List.of(
                self.command().orElseThrow(() -> new IllegalStateException("the java that runs this is not known")),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx128m",
                "-XX:MaxDirectMemorySize=256m",
                "-cp",
                System.getProperty("java.class.path"),
                "io.walrelay.proxy.cli.Main",
                "serve"));
        command.addAll(List.of("--upstream", upstream.conninfo(), "--slot", "walrelay_demo"));
        command.addAll(List.of("--listen", "127.0.0.1:" + port, "--http", "127.0.0.1:" + httpPort));
        command.addAll(List.of("--data", directory.resolve("data").toString()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.redirectOutput(ProcessBuilder.Redirect.appendTo(directory.resolve("relay.log").toFile()));
        builder.environment().put("WALRELAY_LISTEN_HBA", "host replication all 127.0.0.1/32 trust");
        builder.environment().put("WALRELAY_CACHE_MEMORY", "64MB");
        try {
            return builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException("could not start the relay", e);
        }
    }

    private void awaitPort() {
        Await.until("the relay to listen on port %d (its log: %s)".formatted(port, directory.resolve("relay.log")), LIMIT, () -> {
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 500);
                return true;
            } catch (IOException e) {
                if (!process.isAlive()) {
                    throw new IllegalStateException("the relay exited with status %d; see %s".formatted(process.exitValue(), directory.resolve("relay.log")), e);
                }
                return false;
            }
        });
    }

    /** What a standby puts into primary_conninfo. */
    String conninfo(String applicationName) {
        return "host=127.0.0.1 port=%d user=%s application_name=%s".formatted(port, LocalPostgres.SUPERUSER, applicationName);
    }

    String url() {
        return "http://127.0.0.1:" + httpPort;
    }

    /** Kills it as nothing can be prepared for (SIGKILL) and starts it again. */
    void killAndRestart() {
        kill();
        process = launch();
        awaitPort();
    }

    private void kill() {
        process.destroyForcibly();
        process.onExit().join();
    }

    @Override
    public void close() {
        process.destroy();
        try {
            process.onExit().get(10, java.util.concurrent.TimeUnit.SECONDS);
        } catch (java.util.concurrent.ExecutionException | java.util.concurrent.TimeoutException e) {
            kill();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            kill();
        }
        try {
            Runtime.getRuntime().removeShutdownHook(killAtExit);
        } catch (IllegalStateException e) {
            // The JVM is ending: the hook is what called this, or is about to do the same.
            return;
        }
    }
}
