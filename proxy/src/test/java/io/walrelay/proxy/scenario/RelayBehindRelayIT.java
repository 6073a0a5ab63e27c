package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.TimelineId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A relay whose upstream is a relay.
 *
 * <pre>
 *   timeline 1   one ──────■ killed
 *   timeline 2   two       └────────────▶
 *
 *   one | two ─▶ inner ─▶ outer ─▶ standby          then inner is killed as well
 * </pre>
 */
@Timeout(180)
final class RelayBehindRelayIT {

    private static final Duration LIMIT = Forwarding.LIMIT;

    @TempDir
    private Path directory;

    @Test
    void aStandbyBehindTwoRelaysFollowsAPromotion() {
        Programs programs = Programs.version(15);
        try (LocalPostgres one = Forwarding.primary(programs).name("one").start()) {
            Forwarding.makeRoles(one);
            one.execute("GRANT SELECT ON pg_authid TO repl");
            try (LocalPostgres two = LocalPostgres.standbyOf(one, one.conninfo()).name("two").start();
                    RelayProcess inner = Forwarding.relay(
                                    "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(one.port(), two.port()), directory.resolve("inner"))
                            .start();
                    // Logs in at the inner one by password, to stream and to ask for the verifiers of its own clients.
                    RelayProcess outer = outer(inner).start()) {
                awaitOuter(outer, inner);
                try (LocalPostgres standby = LocalPostgres.standbyOf(one, Forwarding.conninfo(outer, "repl")).name("standby").start()) {
                    followsAPromotion(programs, one, two, inner, outer, standby);
                }
            }
        }
    }

    private RelayProcess outer(RelayProcess inner) {
        RelayProcess relay = RelayProcess.of(Forwarding.sql(inner, "repl"), "outer", directory.resolve("outer"));
        return relay.with("WALRELAY_LISTEN_HBA", "host replication,postgres repl,app 127.0.0.1/32 scram-sha-256")
                .with(
                        "WALRELAY_LISTEN_USERS_AUTH_QUERY_QUERY",
                        "SELECT rolname, rolpassword, rolreplication, rolcanlogin, NULL::timestamptz FROM pg_authid WHERE rolname = $1");
    }

    private static void awaitOuter(RelayProcess outer, RelayProcess inner) {
        RelayStatus.await(
                "the outer relay to stream from the inner one",
                outer,
                LIMIT,
                s -> s.upstream().state().equals("streaming") && s.upstream().host().orElse("").endsWith(":" + inner.port()));
    }

    private static void followsAPromotion(
            Programs programs, LocalPostgres one, LocalPostgres two, RelayProcess inner, RelayProcess outer, LocalPostgres standby) {
        try (Ledger ledger = Ledger.on(one, 100)) {
            Ledger.awaitRow(20, standby, LIMIT);
            Ledger.awaitRow(ledger.stop(), two, LIMIT);
        }
        Ledger.assertEqualOn(one, LIMIT, two, standby);
        // Before SQL is asked for that goes through both.
        assertEquals(one.port() + "\n", port(programs, outer));

        assertTheyKnowEachOther(one, inner, outer);
        one.stop(LocalPostgres.StopMode.FAST);
        RelayStatus.await("the inner relay to lose its upstream", inner, LIMIT, s -> !s.upstream().state().equals("streaming"));
        two.promote();
        RelayStatus.awaitStreaming(inner, two, LIMIT);
        awaitOuter(outer, inner);
        try (Ledger ledger = Ledger.on(two, 100)) {
            inner.kill();
            long before = ledger.confirmed();
            inner.start();
            Ledger.awaitRow(before + 20, standby, LIMIT);
            ledger.stop();
        }
        Ledger.assertEqualOn(two, LIMIT, standby);
        assertEquals(new TimelineId(2), standby.timeline());
        Await.until("SQL to reach the new primary through both", LIMIT, () -> port(programs, outer), (two.port() + "\n")::equals);
        StatusReport status = RelayStatus.await("the outer relay to be ready", outer, LIMIT, StatusReport::ready);
        assertEquals(2, status.wal().orElseThrow().timeline());
        assertTrue(status.wal().orElseThrow().orphans().isEmpty(), status::toString);
        assertTrue(status.wal().orElseThrow().gaps().isEmpty(), status::toString);
        assertTheyKnowEachOther(two, inner, outer);
    }

    private static void assertTheyKnowEachOther(LocalPostgres primary, RelayProcess inner, RelayProcess outer) {
        Optional<StatusReport.Beyond> expected = Optional.of(new StatusReport.Beyond(List.of("127.0.0.1:" + primary.port()), true));
        RelayStatus.await("the outer relay to know what is beyond the inner one", outer, LIMIT, s -> s.upstream().beyond().equals(expected));
        StatusReport behind = RelayStatus.await("a relay behind the inner one", inner, LIMIT, s -> s.standbys().stream().anyMatch(StatusReport.Standby::relay));
        assertEquals(Optional.empty(), behind.upstream().beyond(), "PostgreSQL is no relay");
        StatusReport last = RelayStatus.await("the standby behind the outer one", outer, LIMIT, s -> !s.standbys().isEmpty());
        assertTrue(last.standbys().stream().noneMatch(StatusReport.Standby::relay), last::toString);
    }

    private static String port(Programs programs, RelayProcess outer) {
        return Forwarding.psql(programs, Forwarding.sql(outer, "app"), "SELECT inet_server_port()").output();
    }
}
