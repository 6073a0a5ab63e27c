package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.SlotSyncReport;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.proxy.testkit.WalrelayCommand;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A standby behind the relay synchronises a subscription's slot through it, with PostgreSQL's own worker. The primary is killed under load and that standby
 * promoted: the subscriber, which knows nothing but the relay's address, goes on, and has every change once.
 *
 * <pre>
 *   timeline 1  primary ───────────────╳ killed under load
 *                  │ relay: acknowledge all (s), its slot is in synchronized_standby_slots
 *   timeline 2     ├─▶ s, behind the relay ──└────▶ promoted
 *                  └─▶ subscriber, through the relay ──────▶ of s
 * </pre>
 */
@Timeout(180)
final class SlotSyncIT {

    private static final Duration LIMIT = Forwarding.LIMIT;

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {17, 18})
    void theSubscriberGoesOnWithThePromotedStandby(int version) {
        try (LocalPostgres primary = Forwarding.primary(Servers.version(version)).set("synchronized_standby_slots", "relay").start()) {
            Forwarding.makeRoles(primary);
            primary.execute("CREATE TABLE ledger (id bigint PRIMARY KEY, noise text NOT NULL)", "GRANT SELECT ON ledger TO repl", "CREATE PUBLICATION p FOR TABLE ledger");
            try (LocalPostgres s = LocalPostgres.standbyOf(primary, primary.conninfo())
                            .name("s")
                            .slot("s")
                            .set("synchronized_standby_slots", "")
                            .set("hot_standby_feedback", "on")
                            .set("sync_replication_slots", "on")
                            .copyWal()
                            .create();
                    RelayProcess relay = relay(primary, s);
                    LocalPostgres subscriber = LocalPostgres.of(Servers.version(version)).name("subscriber").set("wal_retrieve_retry_interval", "200ms").start()) {
                RelayStatus.awaitStreaming(relay, primary, LIMIT);
                WalrelayCommand.run(LIMIT, Map.of(), "slot", "create", "s", "--url", relay.url()).orFail();
                s.set("primary_conninfo", Forwarding.sql(relay, "repl"));
                s.start();
                if (version == 18) {
                    refusesWhileNobodyWaitsForTheStandby(primary, relay, s);
                }
                subscriber.execute(
                        "CREATE TABLE ledger (id bigint PRIMARY KEY, noise text NOT NULL)",
                        "CREATE SUBSCRIPTION sub CONNECTION '%s' PUBLICATION p WITH (failover = true)".formatted(Forwarding.sql(relay, "repl").replace("'", "''")));
                failsOver(primary, relay, s, subscriber);
            }
        }
    }

    private RelayProcess relay(LocalPostgres primary, LocalPostgres s) {
        return Forwarding.relay("host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(primary.port(), s.port()), directory.resolve("data"))
                .with("WALRELAY_UPSTREAM_ACKNOWLEDGE", primary.binaries().major() == 18 ? "own" : "all (s)")
                .start();
    }

    private static void refusesWhileNobodyWaitsForTheStandby(LocalPostgres primary, RelayProcess relay, LocalPostgres s) {
        StatusReport refused = RelayStatus.await("the worker to ask", relay, LIMIT, status -> !status.slotSync().standbys().isEmpty());
        SlotSyncReport.Asked asked = refused.slotSync().standbys().getFirst();
        assertEquals("s", asked.slot());
        assertTrue(asked.refusal().orElseThrow().contains("upstream.acknowledge is own"), asked::toString);
        Await.until(
                "the worker to say so",
                LIMIT,
                s::log,
                log -> log.contains("replication slot \"s\" specified by \"primary_slot_name\" does not exist on primary server"));
        relay.kill();
        relay.with("WALRELAY_UPSTREAM_ACKNOWLEDGE", "all (s)").start();
        RelayStatus.awaitStreaming(relay, primary, LIMIT);
    }

    private static List<String> failoverSlots(StatusReport status) {
        return status.slotSync().failoverSlots().stream().map(SlotSyncReport.FailoverSlot::name).toList();
    }

    private static void failsOver(LocalPostgres primary, RelayProcess relay, LocalPostgres s, LocalPostgres subscriber) {
        long confirmed;
        try (Ledger ledger = Ledger.on(primary, 300)) {
            awaitSynchronised(primary, s);
            // Beside it there may be one for a while by which a table's rows are copied.
            StatusReport before = RelayStatus.await("the relay to see the slot", relay, LIMIT, status -> failoverSlots(status).equals(List.of("sub")));
            SlotSyncReport.FailoverSlot seen = before.slotSync().failoverSlots().getFirst();
            assertEquals(List.of("sub", "pgoutput", "postgres"), List.of(seen.name(), seen.plugin(), seen.database()));
            assertEquals(Optional.empty(), before.slotSync().standbys().getFirst().refusal());
            assertTrue(before.slots().stream().noneMatch(slot -> slot.name().equals("sub")), "it is no slot that a standby could use");
            RelayStatus.await("the slot to advance", relay, LIMIT, status -> {
                letSlotsAdvance(primary);
                return !status.slotSync().failoverSlots().getFirst().restartLsn().equals(seen.restartLsn());
            });
            Ledger.awaitRow(200, subscriber, LIMIT);
            primary.kill();
            confirmed = ledger.end();
        }
        s.promote();
        RelayStatus.awaitStreaming(relay, s, LIMIT);
        long kept = Ledger.rows(s);
        assertTrue(Ledger.rows(subscriber) <= kept, () -> "the subscriber has row %d, which the promoted server has not".formatted(Ledger.rows(subscriber)));
        try (Ledger ledger = Ledger.on(s, 300)) {
            Ledger.awaitRow(kept + 100, s, LIMIT);
            assertTrue(ledger.stop() > kept);
        }
        String expected = Ledger.fingerprint(s);
        Await.until("the subscriber to have all of it once; %d was confirmed before".formatted(confirmed), LIMIT, () -> Ledger.fingerprint(subscriber), expected::equals);
        assertEquals("t", s.query("SELECT active AND synced FROM pg_replication_slots WHERE slot_name = 'sub'"));
        assertTrue(!subscriber.log().contains("duplicate key"), subscriber::log);
    }

    /** Else for up to 15 seconds there is nothing that a slot could advance to (bgwriter.c, LOG_SNAPSHOT_INTERVAL_MS). */
    private static void letSlotsAdvance(LocalPostgres primary) {
        var _ = primary.query("SELECT pg_log_standby_snapshot()");
    }

    /** Its slot would be usable after a promotion. */
    private static void awaitSynchronised(LocalPostgres primary, LocalPostgres s) {
        try {
            Await.until(
                    "the slot to be synchronised",
                    LIMIT,
                    () -> {
                        letSlotsAdvance(primary);
                        return s.query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'sub' AND synced AND NOT temporary AND invalidation_reason IS NULL");
                    },
                    "1"::equals);
        } catch (Await.TimedOut e) {
            throw new AssertionError("%s; its log:%n%s%nthe primary's:%n%s".formatted(e.getMessage(), s.logTail(30), primary.logTail(30)), e);
        }
    }
}
