package io.walrelay.proxy.testkit;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FreePort;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The relay as operators run it: a JVM of its own, started by its command line, which can be killed and started again on the
 * same ports and data. Confined to the test that made it.
 */
public final class RelayProcess implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final HttpClient HTTP =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

    private final List<String> command;
    private final int port;
    private final int httpPort;
    private final Path data;
    private final Map<String, String> environment = new HashMap<>();
    private String address = "127.0.0.1";
    private final StringBuilder earlierOutput = new StringBuilder();
    private @Nullable ExternalProcess process;

    private RelayProcess(List<String> command, int port, int httpPort, Path data) {
        this.command = command;
        this.port = port;
        this.httpPort = httpPort;
        this.data = data;
    }

    /**
     * A relay that is not started yet.
     *
     * @param upstream  a libpq connection string
     * @param slot      the slot that it uses upstream
     * @param data      its data directory, which the caller deletes
     * @param arguments more of the command line of {@code walrelay serve}
     */
    public static RelayProcess of(String upstream, String slot, Path data, String... arguments) {
        int port = FreePort.next();
        int httpPort = FreePort.next();
        List<String> command = new ArrayList<>(WalrelayCommand.jvm());
        command.addAll(List.of("serve", "--upstream", upstream, "--slot", slot, "--data", data.toString()));
        command.addAll(Arrays.asList(arguments));
        RelayProcess relay = new RelayProcess(command, port, httpPort, data);
        return relay.with("WALRELAY_LISTEN_HBA", "host replication all 127.0.0.1/32 trust").with("WALRELAY_CACHE_MEMORY", "32MB");
    }

    /** Sets an environment variable for the next start: how a test gives settings that have no flag. */
    public RelayProcess with(String variable, String value) {
        environment.put(variable, value);
        return this;
    }

    /** Takes a variable back that {@link #of} sets, for a test whose settings are in a file. */
    public RelayProcess without(String variable) {
        environment.remove(variable);
        return this;
    }

    /** Listens on a loopback address other than 127.0.0.1, written as in a URL: {@code [::1]}. */
    public RelayProcess at(String newAddress) {
        address = newAddress;
        return this;
    }

    /** Puts a program before the command line that executes the rest of it, such as unshare; it must keep its process id. */
    public RelayProcess under(String... wrapper) {
        command.addAll(0, Arrays.asList(wrapper));
        return this;
    }

    /** Starts the process and waits until standbys can connect; one that they can't connect to does not stay. */
    public RelayProcess start() {
        launch();
        try {
            awaitListening();
        } catch (RuntimeException | Error e) {
            forget();
            throw e;
        }
        return this;
    }

    /**
     * As {@link #start}, and waits until the relay's WAL has begun: a base backup that is taken of upstream from now on finds the WAL from its
     * start on. Upstream must be there.
     */
    public RelayProcess startReady() {
        start();
        try {
            awaitReady(LIMIT);
        } catch (RuntimeException | Error e) {
            forget();
            throw e;
        }
        return this;
    }

    private void awaitListening() {
        ExternalProcess running = launched();
        boolean listening = Await.until("the relay to listen on port " + port, LIMIT, () -> !running.isRunning() || canConnect(), done -> done);
        if (!running.isRunning()) {
            throw new AssertionError("the relay exited with %d; listening: %s; its log:%n%s".formatted(running.awaitExit(LIMIT), listening, running.output()));
        }
    }

    private boolean canConnect() {
        try (Socket socket = new Socket(InetAddress.getByName(address), port)) {
            return socket.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    /** Starts the process and does not wait. */
    public void launch() {
        if (process != null && process.isRunning()) {
            throw new IllegalStateException("the relay runs already, as process %d".formatted(process.pid()));
        }
        forget();
        List<String> line = new ArrayList<>(command);
        line.addAll(List.of("--listen", address + ":" + port, "--http", address + ":" + httpPort));
        process = ExternalProcess.start(line, environment);
    }

    /** Waits until /readyz answers 200. */
    public void awaitReady(Duration limit) {
        awaitHttp("/readyz", 200, limit);
    }

    /** Waits until {@code path} answers with {@code status}; fails at once, with the log, when the relay exits. */
    public void awaitHttp(String path, int status, Duration limit) {
        ExternalProcess running = launched();
        try {
            Await.until(
                    "the relay to answer %s with %d".formatted(path, status),
                    limit,
                    () -> running.isRunning() ? get(path).statusCode() : -1,
                    seen -> seen == status || seen == -1);
        } catch (Await.TimedOut e) {
            throw new AssertionError(e.getMessage() + "; its log:\n" + running.output(), e);
        }
        if (!running.isRunning()) {
            throw new AssertionError("the relay exited with %d; its log:%n%s"
                    .formatted(running.awaitExit(LIMIT), running.output()));
        }
    }

    /** Asks the relay's HTTP port. */
    public HttpResponse<String> get(String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url() + path))
                .timeout(Duration.ofSeconds(10))
                .build();
        return HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    }

    /** What /metrics says now, as Prometheus reads it. */
    public String metrics() {
        try {
            return get("/metrics").body();
        } catch (IOException e) {
            throw new UncheckedIOException("could not read the relay's metrics", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while reading the relay's metrics", e);
        }
    }

    /** Kills the process (SIGKILL). */
    public void kill() {
        launched().kill();
    }

    /** Sends it a signal: {@code HUP}. */
    public void signal(String name) {
        launched().signal(name);
    }

    /** Asks it to end (SIGTERM), waits, and returns the exit status; 143 is a JVM's when its shutdown hooks have run. */
    public int terminate(Duration limit) {
        launched().signal("TERM");
        return launched().awaitExit(limit);
    }

    /** Waits for its end, which it comes to by itself, and returns the exit status. */
    public int awaitExit(Duration limit) {
        return launched().awaitExit(limit);
    }

    public boolean isRunning() {
        return process != null && process.isRunning();
    }

    /** A libpq connection string for a standby of this relay. */
    public String conninfo() {
        return "host=127.0.0.1 port=%d user=postgres".formatted(port);
    }

    /** As {@link #conninfo}, with the name that the standby is known by. */
    public String conninfo(String applicationName) {
        return conninfo() + " application_name=" + applicationName;
    }

    public int port() {
        return port;
    }

    public int httpPort() {
        return httpPort;
    }

    public long pid() {
        return launched().pid();
    }

    public Path data() {
        return data;
    }

    /** Its HTTP port. */
    public String url() {
        return "http://%s:%d".formatted(address, httpPort);
    }

    /** What all its runs have logged. */
    public String log() {
        return earlierOutput + (process == null ? "" : process.output());
    }

    /** The log, with what all its threads do now: for whoever waited in vain. */
    public String logWithThreads() {
        if (isRunning()) {
            launched().signal("QUIT");
            launched().awaitOutput("JNI global refs", Duration.ofSeconds(30));
        }
        return log();
    }

    /** Kills it if it runs. Its data directory stays. */
    @Override
    public void close() {
        forget();
    }

    private void forget() {
        if (process != null) {
            if (process.isRunning()) {
                process.kill();
            }
            earlierOutput.append(process.output());
            process.close();
            process = null;
        }
    }

    private ExternalProcess launched() {
        if (process == null) {
            throw new IllegalStateException("the relay was never started");
        }
        return process;
    }
}
