package io.walrelay.proxy.containers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.scenario.Ledger;
import io.walrelay.wal.Lsn;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.testcontainers.containers.Network;

/**
 * What {@code helm/compose.yaml} starts, with a network on each side of the relay, so that either can be parted from it, and with commits that wait
 * for the relay. Closing it takes all of it away.
 *
 * <pre>
 *            upstream            downstream
 *   primary ──────────▶ relay ──────────────▶ standby1
 *           synchronous       └─────────────▶ standby2
 * </pre>
 */
final class Picture implements AutoCloseable {

    static final Duration LIMIT = Duration.ofSeconds(90);

    private static final String SYNCHRONOUS = "walrelay_relay";
    private static final Duration A_COMMIT = Duration.ofMinutes(3);

    private final ComposeFile file = new ComposeFile();
    /** What takes them away again. */
    private final Deque<Runnable> parts = new ArrayDeque<>();
    private final Network upstream = network();
    private final Network downstream = network();
    private final PostgresNode primary = postgres("primary", "primary", upstream);
    private final RelayNode relay = relayOfTheFile();
    private final PostgresNode one = postgres("standby1", "standby1", downstream);
    private final PostgresNode two = postgres("standby1", "standby2", downstream);

    private Picture() {}

    /** Starts all of it and waits until both standbys stream and commits wait for the relay. */
    static Picture start() throws SQLException {
        Picture picture = new Picture();
        try {
            picture.begin();
            return picture;
        } catch (SQLException | RuntimeException | Error e) {
            picture.close();
            throw e;
        }
    }

    private void begin() throws SQLException {
        primary.start();
        primary.awaitAnswer("SELECT pg_is_in_recovery()", "f", LIMIT);
        // Who is parted is to be noticed within seconds; the relay takes the first from upstream, the standbys clone both.
        primary.execute("ALTER SYSTEM SET wal_sender_timeout = '5s'", "ALTER SYSTEM SET wal_receiver_timeout = '5s'", "SELECT pg_reload_conf()");
        relay.start();
        relay.awaitStreaming("primary", LIMIT);
        one.start();
        two.start();
        one.awaitAnswer("SELECT count(*) FROM pg_stat_wal_receiver", "1", LIMIT);
        two.awaitAnswer("SELECT count(*) FROM pg_stat_wal_receiver", "1", LIMIT);
        // After they are cloned: one that is promoted waits for nobody.
        primary.execute("ALTER SYSTEM SET synchronous_standby_names = '%s'".formatted(SYNCHRONOUS), "SELECT pg_reload_conf()");
        awaitSynchronous();
    }

    /** Waits until the relay is the one that the primary's commits wait for. */
    void awaitSynchronous() {
        primary.awaitAnswer("SELECT string_agg(application_name || ' ' || sync_state, ', ') FROM pg_stat_replication", SYNCHRONOUS + " sync", LIMIT);
    }

    /** Waits until a commit waits for the relay. */
    void awaitWaitingCommit() {
        primary.awaitAnswer("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'", "1", LIMIT);
    }

    /** Begins to commit on the primary. */
    Ledger load() {
        return Ledger.on(() -> primary.connect(A_COMMIT), 1_000);
    }

    /** Waits until {@code rows} more are confirmed. */
    void awaitCommits(Ledger ledger, int rows) {
        long goal = ledger.confirmed() + rows;
        primary.await("%d commits more".formatted(rows), LIMIT, ledger::confirmed, seen -> seen >= goal || !ledger.isRunning());
    }

    /** Ends the load, and holds that nothing of it is missing on either standby, and that the relay has neither a gap nor a history of its own. */
    void assertNothingIsMissing(Ledger ledger) throws SQLException {
        ledger.stop();
        assertEqualTo(primary, one, two);
        StatusReport.Wal wal = relay.awaitStreaming("primary", LIMIT).wal().orElseThrow();
        assertEquals(List.of(), wal.gaps(), "gaps");
        assertEquals(List.of(), wal.orphans(), "orphans");
    }

    /** Waits until {@code standbys} have replayed all that {@code source} has committed, and compares. */
    static void assertEqualTo(PostgresNode source, PostgresNode... standbys) throws SQLException {
        Lsn end = Lsn.parse(source.query("SELECT pg_current_wal_flush_lsn()"));
        String expected = source.query(Ledger.FINGERPRINT);
        for (PostgresNode standby : standbys) {
            standby.awaitReplay(end, LIMIT);
            assertEquals(expected, standby.query(Ledger.FINGERPRINT), standby.name());
        }
    }

    PostgresNode primary() {
        return primary;
    }

    RelayNode relay() {
        return relay;
    }

    PostgresNode one() {
        return one;
    }

    PostgresNode two() {
        return two;
    }

    Network upstream() {
        return upstream;
    }

    Network downstream() {
        return downstream;
    }

    private PostgresNode postgres(String service, String name, Network network) {
        return kept(new PostgresNode(name, file.environment("primary", "POSTGRES_PASSWORD"), volume -> {
            NodeContainer container = new NodeContainer(Docker.image(file.image(service)), name, PostgresNode.PORT, List.of(network));
            file.furnish(container, service, name, volume);
            return container;
        }));
    }

    private RelayNode relayOfTheFile() {
        return kept(new RelayNode("relay", file.environment("relay", "WALRELAY_HTTP_TOKENS"), volume -> {
            NodeContainer container = new NodeContainer(Docker.image(file.image("relay")), "relay", RelayNode.HTTP_PORT, List.of(upstream, downstream));
            file.furnish(container, "relay", "relay", volume);
            // Who is parted is to be noticed before the minute is over.
            String impatient = " connect_timeout=3 keepalives_idle=2 keepalives_interval=1 tcp_user_timeout=4000";
            return container.withEnv("WALRELAY_UPSTREAM_CONNINFO", file.environment("relay", "WALRELAY_UPSTREAM_CONNINFO") + impatient);
        }));
    }

    /** Without a way to anywhere else: what it parts is parted, and the ports that this machine reaches stay where they are. */
    private Network network() {
        return kept(Network.builder().createNetworkCmdModifier(command -> command.withInternal(true).withLabels(Docker.labels())).build());
    }

    private Network kept(Network network) {
        parts.push(network::close);
        return network;
    }

    private <T extends Node> T kept(T node) {
        parts.push(node::close);
        return node;
    }

    /** The last that was made goes first; one that does not go does not keep the others. */
    @Override
    public void close() {
        RuntimeException failed = null;
        while (!parts.isEmpty()) {
            try {
                parts.pop().run();
            } catch (RuntimeException e) {
                if (failed == null) {
                    failed = e;
                } else {
                    failed.addSuppressed(e);
                }
            }
        }
        if (failed != null) {
            throw failed;
        }
    }
}
