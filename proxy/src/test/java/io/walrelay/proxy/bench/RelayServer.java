package io.walrelay.proxy.bench;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FileTrees;
import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The relay, started by the launcher at the repository's root as its users start it, with a data directory of its own. Confined to one thread. */
final class RelayServer implements Receiver {

    private static final Duration LIMIT = Duration.ofMinutes(2);

    private final ExternalProcess process;
    private final LocalPostgres upstream;
    private final String slot;
    private final int port;
    private final int httpPort;
    private final Path data;

    private RelayServer(ExternalProcess process, LocalPostgres upstream, String slot, int port, int httpPort, Path data) {
        this.process = process;
        this.upstream = upstream;
        this.slot = slot;
        this.port = port;
        this.httpPort = httpPort;
        this.data = data;
    }

    /** Starts a relay of {@code upstream} and does not wait. */
    static RelayServer launch(Lab lab, LocalPostgres upstream, String slot) {
        return launch(lab, upstream, upstream.conninfo(), slot, Map.of());
    }

    private static RelayServer launch(Lab lab, LocalPostgres upstream, String conninfo, String slot, Map<String, String> settings) {
        int port = FreePort.next();
        int httpPort = FreePort.next();
        Path data = lab.work().resolve("relay-" + port);
        List<String> command = List.of(
                lab.repository().resolve("walrelay").toString(),
                "serve",
                "--upstream", conninfo,
                "--slot", slot,
                "--listen", "127.0.0.1:" + port,
                "--http", "127.0.0.1:" + httpPort,
                "--data", data.toString());
        Map<String, String> environment = new HashMap<>(settings);
        environment.put("WALRELAY_LISTEN_HBA", "host replication all 127.0.0.1/32 trust");
        environment.put("WALRELAY_LISTEN_TLS_CERT", lab.certificate().toString());
        environment.put("WALRELAY_LISTEN_TLS_KEY", lab.key().toString());
        return new RelayServer(ExternalProcess.start(command, environment), upstream, slot, port, httpPort, data);
    }

    /** Starts a relay of {@code upstream} and waits until it has all that upstream has flushed, and listens. */
    static RelayServer start(Lab lab, LocalPostgres upstream) {
        return start(lab, upstream, Lab.SLOT, Map.of());
    }

    /**
     * As {@link #start(Lab, LocalPostgres)}.
     *
     * @param settings environment variables of the relay
     */
    static RelayServer start(Lab lab, LocalPostgres upstream, String slot, Map<String, String> settings) {
        return ready(launch(lab, upstream, upstream.conninfo(), slot, settings));
    }

    /** As {@link #start(Lab, LocalPostgres)}, of a primary and a server that will take its place. */
    static RelayServer between(Lab lab, LocalPostgres primary, LocalPostgres next, Map<String, String> settings) {
        String both = "host=127.0.0.1,127.0.0.1 port=%d,%d user=%s dbname=postgres".formatted(primary.port(), next.port(), LocalPostgres.SUPERUSER);
        return ready(launch(lab, primary, both, Lab.SLOT, settings));
    }

    private static RelayServer ready(RelayServer relay) {
        try {
            relay.awaitFlushed(relay.upstream.flushedLsn());
            Await.until("the relay to listen on port " + relay.port, LIMIT, () -> {
                new Socket(InetAddress.getLoopbackAddress(), relay.port).close();
                return true;
            });
            return relay;
        } catch (RuntimeException e) {
            relay.close();
            throw e;
        }
    }

    /** Waits until upstream was told that everything before {@code lsn} is on the relay's disk. */
    void awaitFlushed(Lsn lsn) {
        awaitFlushed(upstream, lsn);
    }

    /** Waits until {@code server}, from which it streams by then, was told that everything before {@code lsn} is on the relay's disk. */
    void awaitFlushed(LocalPostgres server, Lsn lsn) {
        try {
            Await.until(
                    "the relay to flush %s".formatted(lsn),
                    LIMIT,
                    () -> process.isRunning() ? slotPosition(server) : "the relay ended",
                    position -> !process.isRunning() || Lsn.parse(position).isAtLeast(lsn));
        } catch (Await.TimedOut e) {
            throw new IllegalStateException(e.getMessage() + "; its log:\n" + process.output(), e);
        }
        if (!process.isRunning()) {
            throw new IllegalStateException("the relay ended; its log:\n" + process.output());
        }
    }

    private String slotPosition(LocalPostgres server) {
        return server.query("SELECT coalesce(max(restart_lsn), '0/0') FROM pg_replication_slots WHERE active AND slot_name = '%s'"
                .formatted(slot));
    }

    /** Waits until no WAL before {@code lsn} is on the relay's disk: only the archive has it. */
    void awaitFreed(Lsn lsn) {
        Await.until("the relay to free what is before %s".formatted(lsn), LIMIT, () -> oldest().isAtLeast(lsn));
    }

    private Lsn oldest() throws IOException {
        String head = "walrelay_wal_position_bytes{stage=\"oldest\"} ";
        try (InputStream answer = URI.create("http://127.0.0.1:%d/metrics".formatted(httpPort)).toURL().openStream()) {
            return new String(answer.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> line.startsWith(head))
                    .map(line -> new Lsn((long) Double.parseDouble(line.substring(head.length()))))
                    .findFirst()
                    .orElse(Lsn.INVALID);
        }
    }

    int port() {
        return port;
    }

    int httpPort() {
        return httpPort;
    }

    @Override
    public void signal(String name) {
        process.signal(name);
    }

    long pid() {
        return process.pid();
    }

    /** Stops it, and deletes its data directory. */
    @Override
    public void close() {
        if (process.isRunning()) {
            process.signal("TERM");
            process.awaitExit(LIMIT);
        }
        process.close();
        try {
            FileTrees.delete(data);
        } catch (IOException e) {
            throw new UncheckedIOException("could not delete " + data, e);
        }
    }
}
