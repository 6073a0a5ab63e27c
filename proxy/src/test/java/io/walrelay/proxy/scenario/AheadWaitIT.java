package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A standby that is ahead of the relay for longer than standbys.ahead-wait, and goes on when the relay has caught up.
 *
 * <pre>
 *   primary ──✕─▶ relay             nothing comes, though the connection stands
 *      └──────────────────▶ a       a goes to the primary and on
 *   primary ──✕─▶ relay ──▶ a       and comes back, ahead of the relay
 *   primary ────▶ relay ──▶ a       the relay catches up: a goes on
 * </pre>
 */
@Timeout(120)
final class AheadWaitIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int WAIT_SECONDS = 3;

    /** Each line begins with the time in seconds: from the stream's start to the error. */
    private static final Pattern REFUSED = Pattern.compile(
            "(?s).*\n(\\S+) LOG:  started streaming WAL from primary at (\\S+) on timeline 1\n(\\S+) FATAL: [^\\n]*"
                    + "ERROR:  requested starting point (\\S+) is ahead of the WAL flush position of this server (\\S+)\n.*");

    @TempDir
    private Path directory;

    /** The walreceiver of the last version 13 asks for what it needs; it is told in PostgreSQL's words, but not at once. */
    @Test
    void aStandbyThatAsksAheadIsRefusedAfterTheWait() {
        ahead(13, standby -> {
            String log = Await.until("the standby to be refused", LIMIT, standby::log, text -> REFUSED.matcher(text).matches());
            Matcher found = REFUSED.matcher(log);
            assertTrue(found.matches());
            double waited = Double.parseDouble(found.group(3)) - Double.parseDouble(found.group(1));
            assertTrue(waited > WAIT_SECONDS - 0.1 && waited < WAIT_SECONDS + 10, () -> "it waited for %.1f s: %s".formatted(waited, log));
            assertEquals(found.group(2), found.group(4), "where it began, and what the relay says it asked for");
        });
    }

    /** Since 14.24, 15.19, 16.15, 17.11 and 18.6 a walreceiver compares the positions itself, and waits before it asks for WAL. */
    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void aStandbyThatWaitsByItselfMayDoSoForLonger(int version) {
        ahead(version, standby -> {
            Pattern waiting = Pattern.compile(
                    "(?s).*\n(\\S+) LOG:  walreceiver requested start point [^\\n]* is ahead of the upstream server's flush position [^\\n]*, waiting\n.*");
            String log = Await.until("the standby to wait", LIMIT, standby::log, text -> waiting.matcher(text).matches());
            Matcher since = waiting.matcher(log);
            assertTrue(since.matches());
            double begin = Double.parseDouble(since.group(1));
            Await.until("the wait to be over", LIMIT, () -> Double.parseDouble(standby.query("SELECT extract(epoch FROM clock_timestamp())")) - begin > WAIT_SECONDS + 2);
            assertEquals(
                    "",
                    standby.log().substring(since.end(1)).lines()
                            .filter(line -> line.contains("ERROR") || line.contains("FATAL"))
                            .collect(Collectors.joining("\n")));
        });
    }

    private void ahead(int version, Consumer<LocalPostgres> check) {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(version)).start();
                FaultProxy between = FaultProxy.to(primary.port());
                RelayProcess relay = RelayProcess.of(
                                "host=127.0.0.1 port=%d user=postgres".formatted(between.port()), "relay", directory.resolve("data"))
                        .with("WALRELAY_STANDBYS_AHEAD_WAIT", WAIT_SECONDS + "s")
                        .startReady();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, relay.conninfo("a"))
                        .name("a")
                        .set("log_line_prefix", "%n ")
                        .start()) {
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            // A walreceiver waits for an upstream that is not more than a segment behind.
            Lsn flushed = primary.flushedLsn();
            Await.until("the relay to have all", LIMIT, () -> ArchiveIT.position(relay, "flushed").isAtLeast(flushed));
            between.pause(FaultProxy.Direction.TO_CLIENT);
            attach(standby, primary.conninfo());
            primary.execute("CREATE TABLE t AS SELECT 1 AS a", "SELECT pg_switch_wal()", "INSERT INTO t VALUES (2)");
            standby.awaitReplay(primary.flushedLsn(), LIMIT);

            attach(standby, relay.conninfo("a"));
            check.accept(standby);

            between.resume(FaultProxy.Direction.TO_CLIENT);
            primary.execute("INSERT INTO t VALUES (3)");
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            assertEquals("3", standby.query("SELECT count(*) FROM t"));
            assertEquals("streaming" + relay.port(), standby.query("SELECT status || sender_port FROM pg_stat_wal_receiver"));
        }
    }

    private static void attach(LocalPostgres standby, String conninfo) {
        standby.set("primary_conninfo", conninfo);
        standby.reload();
    }
}
