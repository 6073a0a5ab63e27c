package io.walrelay.proxy.scenario;

import static io.walrelay.proxy.scenario.ArchiveIT.awaitArchived;
import static io.walrelay.proxy.scenario.ArchiveIT.position;
import static io.walrelay.proxy.scenario.ArchiveIT.write;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.WalrelayCommand;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Slots as operators handle them, on a relay that frees at once what nobody needs. */
@Timeout(300)
final class SlotsIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final Programs PROGRAMS = Programs.version(15);

    @TempDir
    private Path directory;

    private static LocalPostgres primary() {
        return LocalPostgres.of(PROGRAMS.server()).segmentSize(SEGMENT).name("primary").start();
    }

    private RelayProcess relay(LocalPostgres primary, String... arguments) {
        return RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"), arguments).with("WALRELAY_CACHE_KEEP", "0s");
    }

    private static Programs.Result slot(RelayProcess relay, String... arguments) {
        List<String> line = new ArrayList<>(List.of("slot"));
        line.addAll(Arrays.asList(arguments));
        line.addAll(List.of("--url", relay.url()));
        return WalrelayCommand.run(LIMIT, Map.of(), line.toArray(String[]::new));
    }

    /** What concerns the primary, too: the settings say where that is. */
    private static Programs.Result slotOf(LocalPostgres primary, String... arguments) {
        return WalrelayCommand.run(
                LIMIT,
                Map.of("WALRELAY_UPSTREAM_CONNINFO", primary.conninfo(), "WALRELAY_UPSTREAM_SLOT", "relay"),
                Stream.concat(Stream.of("slot"), Stream.of(arguments)).toArray(String[]::new));
    }

    private static StatusReport.Slot shown(RelayProcess relay, String name) throws Exception {
        StatusReport.Slot[] slots = Json.MAPPER.readValue(relay.get("/api/v1/slots").body(), StatusReport.Slot[].class);
        return Arrays.stream(slots).filter(slot -> slot.name().equals(name)).findFirst().orElseThrow();
    }

    private static Lsn restart(RelayProcess relay, String name) throws Exception {
        return shown(relay, name).restartLsn().map(Lsn::parse).orElse(Lsn.INVALID);
    }

    private static void awaitStatus(RelayProcess relay, String name, String status) {
        Await.until("slot \"%s\" to be %s".formatted(name, status), LIMIT, () -> shown(relay, name).walStatus(), Optional.of(status)::equals);
    }

    /** Until its standby has let it go, it is in use. */
    private static void awaitDropped(RelayProcess relay, String name) {
        Await.until("slot \"%s\" to be dropped".formatted(name), LIMIT, () -> slot(relay, "drop", name), dropped -> dropped.status() == 0);
    }

    /**
     * <pre>
     *   one   ══ streams ══════╤═══ streams ═════════════════▶   its slot moves on
     *                          │ walrelay slot copy one two
     *   two   ══ slot early ═══╧══· stopped ·══ slot two ════▶   needs the WAL from there on, which only the copy keeps
     * </pre>
     */
    @Test
    void aCopyOfASlotInUseFeedsASecondStandbyWithoutAGap() throws Exception {
        try (LocalPostgres primary = primary();
                RelayProcess relay = relay(primary).start()) {
            relay.awaitReady(LIMIT);
            String created = slot(relay, "create", "one").orFail();
            assertTrue(created.contains("slot \"one\" keeps WAL from "), created);
            slot(relay, "create", "early").orFail();
            try (LocalPostgres one = LocalPostgres.standbyOf(primary, relay.conninfo("one")).name("one").slot("one").copyWal().start();
                    LocalPostgres two = LocalPostgres.standbyOf(primary, relay.conninfo("two")).name("two").slot("early").copyWal().start();
                    Ledger ledger = Ledger.on(primary, 20_000)) {
                Ledger.awaitRow(ledger.confirmed() + 50, one, LIMIT);
                Ledger.awaitRow(ledger.confirmed() + 50, two, LIMIT);
                String copied = slot(relay, "copy", "one", "two").orFail();
                assertTrue(copied.contains("slot \"two\" is a copy of \"one\" and keeps WAL from "), copied);
                Lsn from = restart(relay, "two");
                assertTrue(from.isValid());
                // Its standby has all before the copy, and lacks what comes now.
                two.awaitReplay(from, LIMIT);
                two.stop(LocalPostgres.StopMode.FAST);
                awaitDropped(relay, "early");
                write(primary, 12);
                Lsn later = primary.flushedLsn();
                Await.until("slot \"one\" to move on", LIMIT, () -> restart(relay, "one"), at -> at.isAtLeast(later));
                assertEquals(from, restart(relay, "two"));
                assertTrue(position(relay, "oldest").isAtMost(from), relay::metrics);
                two.set("primary_slot_name", "two");
                two.start();
                Ledger.awaitRow(ledger.confirmed() + 50, two, LIMIT);
                Await.until("slot \"two\" to move on", LIMIT, () -> restart(relay, "two"), at -> at.isAtLeast(later));
                Await.until("the relay to free what both have", LIMIT, () -> position(relay, "oldest"), oldest -> oldest.isAfter(from));
                ledger.stop();
                Ledger.assertEqualOn(primary, LIMIT, one, two);
                assertFalse(two.log().contains("has already been removed"), two::log);
            }
            Programs.Result again = slot(relay, "copy", "one", "two");
            assertTrue(again.status() == 1 && again.output().contains("replication slot \"two\" already exists"), again::output);
            awaitDropped(relay, "two");
            String list = slot(relay, "list").orFail();
            assertTrue(list.contains("one") && !list.contains("two"), list);
        }
    }

    /**
     * <pre>
     *   primary   ══ 100 segments ═════════▶   keeps fewer than 5 of them, all the time
     *   relay     ══ slot "away" ══════════▶   keeps them all
     *   standby   ═╳ away                  ╰═▶ gets them from there
     * </pre>
     */
    @Test
    void aStandbyThatIsAwayKeepsNothingOnThePrimary() throws Exception {
        try (LocalPostgres primary = LocalPostgres.of(PROGRAMS.server())
                        .segmentSize(SEGMENT)
                        .set("wal_keep_size", "0")
                        .set("min_wal_size", "2MB")
                        .set("max_wal_size", "2MB")
                        .name("primary")
                        .start();
                RelayProcess relay = relay(primary).start()) {
            relay.awaitReady(LIMIT);
            slot(relay, "create", "away").orFail();
            try (LocalPostgres standby = LocalPostgres.standbyOf(primary, relay.conninfo("away")).name("away").slot("away").copyWal().start()) {
                standby.awaitReplay(primary.flushedLsn(), LIMIT);
                standby.stop(LocalPostgres.StopMode.FAST);
                Lsn left = restart(relay, "away");
                for (Lsn end = left; end.isBefore(left.plus(100L * SEGMENT.bytes())); end = primary.flushedLsn()) {
                    write(primary, 10);
                    Lsn written = primary.flushedLsn();
                    Await.until("the primary's slot to follow the relay", LIMIT, () -> primary.query("SELECT restart_lsn FROM pg_replication_slots"), at -> Lsn.parse(at).isAtLeast(written));
                    primary.execute("CHECKPOINT");
                    int kept = new WalFiles(primary.dataDirectory().resolve("pg_wal"), SEGMENT).segments().size();
                    assertTrue(kept < 5, () -> "%d segments in the primary's pg_wal, with the standby %s behind".formatted(kept, written.minus(left)));
                }
                assertEquals(left, restart(relay, "away"));
                standby.start();
                standby.awaitReplay(primary.flushedLsn(), LIMIT);
                assertEquals(primary.query("SELECT sum(hashtext(noise)) FROM filler"), standby.query("SELECT sum(hashtext(noise)) FROM filler"));
                assertFalse(standby.log().contains("has already been removed"), standby::log);
            }
        }
    }

    @Test
    void aSlotPastItsQuotaIsLostAndTheOthersAreNot() throws Exception {
        try (LocalPostgres primary = primary();
                RelayProcess relay = relay(primary).with("WALRELAY_STANDBYS_NAMED", "small max-retained=4MB").start()) {
            relay.awaitReady(LIMIT);
            slot(relay, "create", "small").orFail();
            slot(relay, "create", "large").orFail();
            Lsn from = restart(relay, "large");
            write(primary, 8);
            // The other keeps the same WAL: there is no reason to refuse it to anybody.
            awaitStatus(relay, "small", "unreserved");
            assertEquals(Optional.of("reserved"), shown(relay, "large").walStatus());
            assertTrue(shown(relay, "small").safeBytes().orElseThrow() < 0, () -> slot(relay, "list").output());
            primary.execute("CHECKPOINT");
            new Psql(PROGRAMS).awaitLevel(relay, primary);
            slot(relay, "create", "middle").orFail();
            slot(relay, "drop", "large").orFail();
            awaitStatus(relay, "small", "lost");
            Await.until("the event", LIMIT, () -> relay.get("/api/v1/status").body(), body -> body.contains("\"kind\":\"slot-lost\""));
            assertEquals(Optional.of("reserved"), shown(relay, "middle").walStatus());
            assertTrue(position(relay, "oldest").isAfter(from));
            assertEquals(1, ArchiveIT.metric(relay, "walrelay_slot_lost{slot=\"small\"}"));
            Programs.Result refused = new Psql(PROGRAMS).replication(relay.conninfo(), "START_REPLICATION SLOT small PHYSICAL %s".formatted(from));
            assertTrue(refused.output().contains("can no longer get changes from replication slot \"small\""), refused::output);
            Programs.Result copy = slot(relay, "copy", "small", "other");
            assertTrue(copy.status() == 1 && copy.output().contains("cannot copy invalidated replication slot \"small\""), copy::output);
        }
    }

    @Test
    void withAnArchiveASlotPastItsQuotaIsNotLost() throws Exception {
        try (LocalPostgres primary = primary();
                RelayProcess relay = relay(primary, "--archive", "file://" + directory.resolve("archive"))
                        .with("WALRELAY_STANDBYS_NAMED", "small max-retained=4MB")
                        .start()) {
            relay.awaitReady(LIMIT);
            slot(relay, "create", "small").orFail();
            try (LocalPostgres standby = LocalPostgres.standbyOf(primary, relay.conninfo("small")).name("small").slot("small").copyWal().start()) {
                write(primary, 1);
                standby.awaitReplay(primary.flushedLsn(), LIMIT);
                standby.stop(LocalPostgres.StopMode.FAST);
                write(primary, 12);
                primary.execute("SELECT pg_switch_wal()");
                Lsn end = primary.flushedLsn();
                awaitArchived(relay, end);
                Lsn left = restart(relay, "small");
                Await.until("the relay's disk to have less than the slot needs", LIMIT, () -> position(relay, "oldest"), oldest -> oldest.isAfter(left.plus(4 << 20)));
                awaitStatus(relay, "small", "extended");
                standby.start();
                standby.awaitReplay(end, LIMIT);
                assertEquals(primary.query("SELECT count(*) FROM filler"), standby.query("SELECT count(*) FROM filler"));
                awaitStatus(relay, "small", "reserved");
                assertFalse(relay.log().contains("lost its WAL"), relay::log);
            }
        }
    }

    @Test
    void aSlotThatNobodyUsesIsLetGoAfterItsTimeout() throws Exception {
        try (LocalPostgres primary = primary();
                RelayProcess relay = relay(primary).with("WALRELAY_SLOTS_INACTIVE_TIMEOUT", "2s").start()) {
            relay.awaitReady(LIMIT);
            slot(relay, "create", "forgotten").orFail();
            write(primary, 4);
            awaitStatus(relay, "forgotten", "lost");
            String status = relay.get("/api/v1/status").body();
            assertTrue(status.contains("\"kind\":\"slot-inactive\""), status);
        }
    }

    /**
     * <pre>
     *   primary ══▶ standby, by slot s1 of the primary        ══▶ relay
     *   primary ══▶ relay ══▶ standby, by slot s1 of the relay, at the same position
     * </pre>
     */
    @Test
    void theSlotsOfAPrimaryAreTakenOverAndTheRelaysOwnIsTakenAway() throws Exception {
        try (LocalPostgres primary = primary();
                RelayProcess relay = relay(primary).with("WALRELAY_CACHE_KEEP", "1h").start()) {
            relay.awaitReady(LIMIT);
            primary.execute("SELECT pg_create_physical_replication_slot('s1', true)", "SELECT pg_create_physical_replication_slot('empty')");
            try (LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo() + " application_name=s1").name("s1").slot("s1").copyWal().start()) {
                write(primary, 2);
                standby.awaitReplay(primary.flushedLsn(), LIMIT);
                standby.stop(LocalPostgres.StopMode.FAST);
                write(primary, 4);
                new Psql(PROGRAMS).awaitLevel(relay, primary);

                Programs.Result imported = slotOf(primary, "import", "--url", relay.url());
                assertTrue(imported.status() == 1 && imported.output().contains("it reserves no WAL on the other server"), imported::output);
                assertEquals(primary.query("SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = 's1'"), restart(relay, "s1").toString());
                String again = slotOf(primary, "import", "s1", "--url", relay.url()).orFail();
                assertTrue(again.contains("kept"), again);

                standby.set("primary_conninfo", relay.conninfo("s1"));
                standby.start();
                standby.awaitReplay(primary.flushedLsn(), LIMIT);
                assertTrue(shown(relay, "s1").activePid().isPresent());
                primary.execute("SELECT pg_drop_replication_slot('s1')", "SELECT pg_drop_replication_slot('empty')");
            }
            Programs.Result running = slotOf(primary, "drop", "--upstream");
            assertTrue(running.status() == 1 && running.output().contains("is active on 127.0.0.1:%d: nothing was dropped".formatted(primary.port())), running::output);
            assertEquals("1", primary.query("SELECT count(*) FROM pg_replication_slots"));
            assertEquals(143, relay.terminate(LIMIT));
            Await.until("the primary to let the relay's slot go", LIMIT, () -> primary.query("SELECT count(*) FROM pg_replication_slots WHERE active"), "0"::equals);
            String dropped = slotOf(primary, "drop", "--upstream").orFail();
            assertTrue(dropped.contains("127.0.0.1:%d: dropped".formatted(primary.port())), dropped);
            assertEquals("0", primary.query("SELECT count(*) FROM pg_replication_slots"));
        }
    }
}
