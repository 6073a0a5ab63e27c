package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Base backups by the relay's address alone: the files are upstream's, the WAL beside them is the relay's.
 *
 * <pre>
 *   pg_basebackup ── BASE_BACKUP ──────▶ relay ──▶ upstream (a primary, or a standby)
 *          │
 *          └── CREATE_REPLICATION_SLOT, START_REPLICATION ──▶ relay
 * </pre>
 */
@Timeout(180)
final class ForwardedBackupIT {

    @TempDir
    private Path directory;

    private static void backUp(Programs programs, RelayProcess relay, Path target, String... more) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("-w", "--checkpoint=fast", "--no-sync", "-D", target.toString(), "-d", Forwarding.conninfo(relay, "repl")));
        arguments.addAll(List.of(more));
        programs.run(Forwarding.LIMIT, "pg_basebackup", arguments.toArray(String[]::new)).orFail();
        // A standby's own comes along.
        if (!Files.exists(target.resolve("standby.signal"))) {
            Files.createFile(target.resolve("standby.signal"));
        }
    }

    /** Every line of a ledger that the primary wrote before, during and after is on the clone, which streams from the relay's slot as -R has written it. */
    private static void assertFollows(LocalPostgres clone, LocalPostgres primary, RelayProcess relay, Ledger ledger) {
        clone.start();
        Ledger.awaitRow(ledger.confirmed() + 100, clone, Forwarding.LIMIT);
        ledger.stop();
        Ledger.assertEqualOn(primary, Forwarding.LIMIT, clone);
        assertEquals(Integer.toString(relay.port()), clone.query("SELECT sender_port FROM pg_stat_wal_receiver"));
        assertEquals("clone", clone.query("SELECT slot_name FROM pg_stat_wal_receiver"));
        assertEquals("0", primary.query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'clone'"));
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void aStandbyIsClonedThroughTheRelay(int version) throws Exception {
        Programs programs = Programs.version(version);
        try (LocalPostgres primary = Forwarding.primary(programs).start();
                RelayProcess relay = Forwarding.relay(primary.conninfo(), directory.resolve("data")).start();
                Ledger ledger = Ledger.on(primary, 8_000)) {
            Forwarding.makeRoles(primary);
            relay.awaitReady(Forwarding.LIMIT);
            Ledger.awaitRow(ledger.confirmed() + 100, primary, Forwarding.LIMIT);
            try (LocalPostgres clone = LocalPostgres.standbyOf(primary, "-R writes it")
                    .name("clone")
                    .copiedBy((_, target) -> backUp(programs, relay, target, "-X", "stream", "-C", "--slot", "clone", "-R"))
                    .create()) {
                RelayStatus.await(
                        "the relay to have the clone's slot alone",
                        relay,
                        Forwarding.LIMIT,
                        status -> status.slots().stream().map(StatusReport.Slot::name).toList().equals(List.of("clone")));
                assertFollows(clone, primary, relay, ledger);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void aStandbyMayBeTheUpstream(int version) throws Exception {
        Programs programs = Programs.version(version);
        try (LocalPostgres primary = Forwarding.primary(programs).start()) {
            Forwarding.makeRoles(primary);
            try (LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo()).name("standby").start();
                    RelayProcess relay = Forwarding.relay(standby.conninfo(), directory.resolve("data")).start();
                    Ledger ledger = Ledger.on(primary, 8_000)) {
                relay.awaitReady(Forwarding.LIMIT);
                Ledger.awaitRow(ledger.confirmed() + 100, standby, Forwarding.LIMIT);
                try (LocalPostgres clone = LocalPostgres.standbyOf(primary, "-R writes it")
                        .name("clone")
                        .copiedBy((_, target) -> backUp(programs, relay, target, "-X", "stream", "-C", "--slot", "clone", "-R"))
                        .create()) {
                    assertFollows(clone, primary, relay, ledger);
                }
            }
        }
    }

    @Test
    void anIncrementalBackupBringsItsManifestUp() throws Exception {
        Programs programs = Programs.version(18);
        try (LocalPostgres primary = Forwarding.primary(programs).set("summarize_wal", "on").start();
                RelayProcess relay = Forwarding.relay(primary.conninfo(), directory.resolve("data")).start()) {
            Forwarding.makeRoles(primary);
            relay.awaitReady(Forwarding.LIMIT);
            primary.execute("CREATE TABLE t AS SELECT generate_series(1, 100000) AS n");
            Path full = directory.resolve("full");
            Path incremental = directory.resolve("incremental");
            backUp(programs, relay, full, "-X", "stream");
            primary.execute("INSERT INTO t SELECT generate_series(100001, 100010)");
            backUp(programs, relay, incremental, "-X", "stream", "--incremental", full.resolve("backup_manifest").toString());
            try (LocalPostgres clone = LocalPostgres.standbyOf(primary, Forwarding.conninfo(relay, "repl"))
                    .name("clone")
                    .copiedBy((_, target) -> programs.run(
                                    Forwarding.LIMIT, "pg_combinebackup", "--no-sync", full.toString(), incremental.toString(), "-o", target.toString())
                            .orFail())
                    .create()) {
                clone.start();
                primary.execute("INSERT INTO t VALUES (0)");
                clone.awaitReplay(primary.flushedLsn(), Forwarding.LIMIT);
                assertEquals("100011", clone.query("SELECT count(*) FROM t"));
            }
        }
    }
}
