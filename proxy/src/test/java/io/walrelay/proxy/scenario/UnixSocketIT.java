package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Clients that come by the Unix-domain socket.
 *
 * <pre>
 *   primary ──▶ relay ── .s.PGSQL.PORT ──▶ pg_receivewal, psql      by the system's user: peer
 *                 └───── 127.0.0.1 ──────▶ nobody                   there is no line for it
 * </pre>
 */
@Timeout(120)
final class UnixSocketIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final Programs PROGRAMS = Programs.version(15);

    /** Short: the path of a socket has 107 bytes at most. */
    @TempDir
    private Path directory;

    @Test
    void streamsToWhoIsWhoHeSaysAndToNobodyElse() throws Exception {
        String me = System.getProperty("user.name");
        Path sockets = Files.createDirectory(directory.resolve("s"));
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).segmentSize(SEGMENT).set("wal_keep_size", "1GB").name("primary").start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"))
                        .with("WALRELAY_LISTEN_UNIX", sockets.toString())
                        .with("WALRELAY_LISTEN_HBA", "local all,replication all peer")
                        .start()) {
            relay.awaitReady(LIMIT);
            Path socket = sockets.resolve(".s.PGSQL." + relay.port());
            assertTrue(Files.exists(socket));
            String local = "host=%s port=%d user=%s".formatted(sockets, relay.port(), me);
            Programs.Result other = psql(local.replace("user=" + me, "user=somebody") + " dbname=walrelay", "SHOW UPSTREAM");
            assertNotEquals(0, other.status());
            assertTrue(other.output().contains("Peer authentication failed for user \"somebody\""), other::output);
            assertTrue(psql(relay.conninfo() + " dbname=walrelay", "SHOW UPSTREAM").output().contains("no pg_hba.conf entry for host \"127.0.0.1\""));
            assertTrue(psql(local + " dbname=walrelay", "SHOW UPSTREAM").orFail().contains("streaming"));

            // From files, as far as there are any, and from memory after that: all of it is upstream's.
            psql(local + " replication=true", "CREATE_REPLICATION_SLOT r PHYSICAL RESERVE_WAL").orFail();
            primary.execute("CREATE TABLE t AS SELECT generate_series(1, 100000)", "SELECT pg_switch_wal()");
            Path received = Files.createDirectory(directory.resolve("received"));
            Lsn end = primary.flushedLsn();
            try (ExternalProcess receiver = PROGRAMS.start("pg_receivewal", "-d", local + " application_name=by-socket", "-D", received.toString(), "--slot", "r", "--synchronous")) {
                RelayStatus.await("all WAL to be received", relay, LIMIT, status -> status.standbys().stream()
                        .anyMatch(s -> s.client().equals("[local]") && s.flush().position().map(Lsn::parse).filter(end::isAtMost).isPresent()));
                assertEquals(
                        "by-socket||-1",
                        psql(local + " dbname=walrelay", "SELECT application_name, client_addr, client_port FROM pg_stat_replication").orFail().strip());
                assertTrue(receiver.isRunning(), receiver::output);
            }
            new WalFiles(received, SEGMENT).assertEqualUpTo(end, new WalFiles(primary.dataDirectory().resolve("pg_wal"), SEGMENT));

            // Killed, it leaves its file, and takes its place again; ended, it leaves none.
            relay.kill();
            assertTrue(Files.exists(socket));
            relay.start();
            Await.until("the relay to be all there", LIMIT, () -> psql(local + " dbname=walrelay", "SHOW UPSTREAM").output(), shown -> shown.contains("streaming"));
            assertEquals(143, relay.terminate(LIMIT));
            assertFalse(Files.exists(socket));
        }
    }

    private static Programs.Result psql(String conninfo, String command) {
        return PROGRAMS.run(LIMIT, "psql", "-X", "-w", "-A", "-t", "-c", command, conninfo);
    }
}
