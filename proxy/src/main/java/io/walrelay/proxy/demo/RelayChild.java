package io.walrelay.proxy.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The relay as a process of its own, so that it can be killed as power loss would kill it and started again on the same ports
 * and data, in a directory that is deleted with it. It does not outlive this process, unless that is killed itself. Confined to one
 * thread, but for {@link #close}.
 */
final class RelayChild implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final LocalPostgres upstream;
    private final Path directory;
    private final int port = FreePort.next();
    private final int httpPort = FreePort.next();
    private final Thread discardAtExit = Thread.ofPlatform().name("close-relay").unstarted(this::discard);
    /** Held by whoever starts the process, and by whoever ends it for good. */
    private final Lock processInUse = new ReentrantLock();
    private volatile @Nullable Process process;
    private volatile boolean closed;

    private RelayChild(LocalPostgres upstream, Path directory) {
        this.upstream = upstream;
        this.directory = directory;
    }

    /** Starts a relay of {@code upstream}. The caller closes it. */
    static RelayChild start(LocalPostgres upstream) {
        try {
            RelayChild relay = new RelayChild(upstream, Files.createTempDirectory("walrelay-demo-"));
            try {
                Runtime.getRuntime().addShutdownHook(relay.discardAtExit);
                relay.launch();
                relay.awaitPort();
                return relay;
            } catch (RuntimeException e) {
                relay.close();
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException("could not make a directory for the relay", e);
        }
    }

    private void launch() {
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
        processInUse.lock();
        try {
            if (closed) {
                throw new IllegalStateException("the relay is closed");
            }
            process = builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException("could not start the relay", e);
        } finally {
            processInUse.unlock();
        }
    }

    private void awaitPort() {
        Process started = launched();
        Await.until("the relay to listen on port %d (its log: %s)".formatted(port, directory.resolve("relay.log")), LIMIT, () -> {
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 500);
                return true;
            } catch (IOException e) {
                if (!started.isAlive()) {
                    throw new IllegalStateException("the relay exited with status %d; see %s".formatted(started.exitValue(), directory.resolve("relay.log")), e);
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

    long pid() {
        return launched().pid();
    }

    /** Kills it as nothing can be prepared for (SIGKILL) and starts it again. */
    void killAndRestart() {
        Process running = launched();
        running.destroyForcibly();
        running.onExit().join();
        launch();
        awaitPort();
    }

    private Process launched() {
        Process started = process;
        if (started == null) {
            throw new IllegalStateException("the relay was never started");
        }
        return started;
    }

    private void discard() {
        closed = true;
        processInUse.lock();
        try {
            Process running = process;
            if (running != null) {
                running.destroyForcibly();
                running.onExit().join();
            }
            FileTrees.delete(directory);
        } catch (IOException e) {
            throw new UncheckedIOException("could not delete the relay's directory " + directory, e);
        } finally {
            processInUse.unlock();
        }
    }

    /** Kills it and deletes its directory. */
    @Override
    public void close() {
        discard();
        try {
            Runtime.getRuntime().removeShutdownHook(discardAtExit);
        } catch (IllegalStateException exiting) {
            // The hook does the same work, which is harmless to do twice.
            return;
        }
    }
}
