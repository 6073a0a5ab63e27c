package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.ClusterSetup;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.OsProcess;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What standbys behind the relay want kept is kept by the primary, and no longer than that. All standbys report each second. */
final class FeedbackIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int EPOCH = 5;
    private static final int CAP = 5_000;

    @TempDir
    private Path directory;

    /** A query on a standby that has begun and goes on. */
    private static final class LongQuery implements AutoCloseable {

        private final Connection connection;
        private final long xmin;

        LongQuery(LocalPostgres standby) throws SQLException {
            connection = standby.connect();
            connection.setAutoCommit(false);
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            xmin = ask("SELECT pg_snapshot_xmin(pg_current_snapshot())");
        }

        private long ask(String sql) throws SQLException {
            try (Statement statement = connection.createStatement();
                    ResultSet rows = statement.executeQuery(sql)) {
                assertTrue(rows.next());
                return rows.getLong(1);
            }
        }

        /** Of its snapshot, 64 bits. */
        long xmin() {
            return xmin;
        }

        long rows() throws SQLException {
            return ask("SELECT count(*) FROM t");
        }

        @Override
        public void close() throws SQLException {
            connection.close();
        }
    }

    private static ClusterSetup standby(LocalPostgres source, RelayProcess relay, String name) {
        return LocalPostgres.standbyOf(source, relay.conninfo(name)).name(name).set("hot_standby_feedback", "on").set("wal_receiver_status_interval", "1s").copyWal();
    }

    /** Of the transactions that it begins from now on. */
    private static void setEpoch(Programs programs, LocalPostgres stopped) {
        List<String> command = OsProcess.unprivileged(List.of(
                programs.home().resolve("bin/pg_resetwal").toString(), "--epoch", String.valueOf(EPOCH), stopped.dataDirectory().toString()));
        try (ExternalProcess process = ExternalProcess.start(command)) {
            assertEquals(0, process.awaitExit(LIMIT), process::output);
        }
    }

    private static void burn(LocalPostgres primary, int transactions) {
        primary.execute("DO $$ BEGIN FOR i IN 1..%d LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$".formatted(transactions));
    }

    /** Of the relay's slot, 32 bits as the view has it. */
    private static @Nullable String slotXmin(LocalPostgres upstream) {
        return upstream.queryOrNull("SELECT xmin::text FROM pg_replication_slots WHERE slot_name = 'relay'");
    }

    private static void awaitKept(LocalPostgres upstream, RelayProcess relay, long xmin) {
        String shown = Integer.toUnsignedString((int) xmin);
        try {
            Await.<@Nullable String>until("the relay's slot to keep " + shown, LIMIT, () -> slotXmin(upstream), shown::equals);
        } catch (Await.TimedOut e) {
            throw new AssertionError(e.getMessage() + "; the relay's log:\n" + relay.log(), e);
        }
    }

    private static StatusReport.XidHold oldest(RelayProcess relay) throws Exception {
        return RelayStatus.of(relay).feedback().xmin().oldest().orElseThrow();
    }

    private static Optional<String> xminOfSlot(RelayProcess relay) throws Exception {
        return RelayStatus.of(relay).slots().stream().filter(slot -> slot.name().equals("a")).findFirst().orElseThrow().xmin();
    }

    /** A table of dead rows is cut to nothing by VACUUM when nobody may see them any more. */
    private static boolean vacuumRemoves(LocalPostgres primary) {
        primary.execute("VACUUM t");
        return primary.query("SELECT pg_relation_size('t')").equals("0");
    }

    /**
     * <pre>
     *   a, with a slot   ─[ query ]───────────╳ stopped ····················▶ off ▶ on [ query ──────────▶ capped
     *   b, without       ────[ query ──────────────╳ stopped
     *   relay            ──────────────────────────────────╳ kill -9 ▶
     *   the primary keeps  a's   b's                a's slot's        ▶        nothing    a's    the last 5000
     * </pre>
     */
    @Test
    void thePrimaryKeepsWhatTheOldestQueryNeeds() throws Exception {
        Programs programs = Programs.version(15);
        try (LocalPostgres primary =
                        LocalPostgres.of(programs.server()).name("primary").set("autovacuum", "off").set("wal_sender_timeout", "6s").start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"))
                        .with("WALRELAY_FEEDBACK_MAX_XMIN_AGE", String.valueOf(CAP))) {
            primary.stop(LocalPostgres.StopMode.FAST);
            setEpoch(programs, primary);
            primary.start();
            primary.execute("CREATE TABLE t (i int)", "INSERT INTO t SELECT generate_series(1, 1000)");
            relay.start();
            relay.awaitReady(LIMIT);
            new Psql(programs).replication(relay.conninfo(), "CREATE_REPLICATION_SLOT a PHYSICAL RESERVE_WAL").orFail();
            try (LocalPostgres a = standby(primary, relay, "a").slot("a").start()) {
                long afterB = aQueryOfEachStandbyIsProtected(primary, relay, a);
                a.stop(LocalPostgres.StopMode.FAST);
                aSlotKeepsItOverAKill(primary, relay, afterB);
                turnedOffNothingIsKept(primary, relay, a);
                olderThanTheCapIsNotKept(primary, relay, a);
            }
        }
    }

    /** @return what is kept for a when b is gone, at least */
    private static long aQueryOfEachStandbyIsProtected(LocalPostgres primary, RelayProcess relay, LocalPostgres a) throws Exception {
        try (LocalPostgres b = standby(primary, relay, "b").start()) {
            long first;
            LongQuery ofB;
            try (LongQuery ofA = new LongQuery(a)) {
                first = ofA.xmin();
                assertEquals(EPOCH, first >>> 32);
                primary.execute("DELETE FROM t");
                burn(primary, 50);
                b.awaitReplay(primary.flushedLsn(), LIMIT);
                ofB = new LongQuery(b);
                assertTrue(ofB.xmin() > first);
                burn(primary, 50);
                awaitKept(primary, relay, first);
                assertEquals(false, vacuumRemoves(primary));
                assertEquals(1_000, ofA.rows());
                StatusReport.XidHold held = oldest(relay);
                assertEquals(List.of("slot", "a", String.valueOf(first)), List.of(held.holder(), held.name(), held.xid()));
                RelayStatus.await("the age", relay, LIMIT, status -> status.feedback().xmin().oldest().flatMap(StatusReport.XidHold::age).orElse(0L) >= 100);
                assertTrue(ArchiveIT.metric(relay, "walrelay_feedback_age{holder=\"slot\",horizon=\"xmin\",name=\"a\"}") >= 100);
            }
            try (ofB) {
                // The next one begins when the first is over: then the primary keeps what b needs.
                awaitKept(primary, relay, ofB.xmin());
                StatusReport.XidHold held = oldest(relay);
                assertEquals(List.of("standby", "b", String.valueOf(ofB.xmin())), List.of(held.holder(), held.name(), held.xid()));
                return ofB.xmin();
            }
        }
    }

    private static void aSlotKeepsItOverAKill(LocalPostgres primary, RelayProcess relay, long afterB) throws Exception {
        long kept = Long.parseLong(xminOfSlot(relay).orElseThrow());
        assertTrue(kept > afterB, () -> "a's slot keeps %d, b wanted %d".formatted(kept, afterB));
        awaitKept(primary, relay, kept);
        assertEquals(List.of(), RelayStatus.of(relay).standbys());
        primary.execute("INSERT INTO t SELECT generate_series(1, 1000)", "DELETE FROM t");
        burn(primary, 50);
        Await.until("the slot to be saved", LIMIT, () -> RelayStatus.of(relay).feedback().nextXid().map(Long::parseLong).orElse(0L), next -> next >= kept + 50);
        relay.kill();
        relay.start();
        relay.awaitReady(LIMIT);
        assertEquals(Optional.of(String.valueOf(kept)), xminOfSlot(relay));
        // The relay's first message is sent, and what holds less would be with the interval.
        Await.until("the interval to be over", LIMIT, () -> primary.query(
                "SELECT coalesce(max(extract(epoch FROM reply_time - backend_start)), 0) > 2.5 FROM pg_stat_replication JOIN pg_replication_slots ON pid = active_pid"), "t"::equals);
        assertEquals(Integer.toUnsignedString((int) kept), slotXmin(primary));
        assertEquals(false, vacuumRemoves(primary));
    }

    private static void turnedOffNothingIsKept(LocalPostgres primary, RelayProcess relay, LocalPostgres a) throws Exception {
        a.set("hot_standby_feedback", "off");
        a.start();
        Await.<@Nullable String>until("the relay's slot to keep nothing", LIMIT, () -> slotXmin(primary), Objects::isNull);
        assertEquals(Optional.empty(), xminOfSlot(relay));
        assertTrue(vacuumRemoves(primary));
        a.set("hot_standby_feedback", "on");
        a.reload();
        Await.<@Nullable String>until("it to keep something again", LIMIT, () -> slotXmin(primary), Objects::nonNull);
    }

    private static void olderThanTheCapIsNotKept(LocalPostgres primary, RelayProcess relay, LocalPostgres a) throws Exception {
        try (LongQuery query = new LongQuery(a)) {
            primary.execute("CHECKPOINT");
            burn(primary, CAP + 1_000);
            long next = Long.parseLong(primary.query("SELECT pg_snapshot_xmax(pg_current_snapshot())"));
            awaitKept(primary, relay, next - CAP);
            StatusReport.XidHorizon xmin = RelayStatus.of(relay).feedback().xmin();
            assertTrue(xmin.capped());
            assertEquals(List.of("a"), xmin.tooOld().stream().map(StatusReport.XidHold::name).toList());
            assertEquals(String.valueOf(query.xmin()), xmin.tooOld().getFirst().xid());
            assertEquals(1, ArchiveIT.metric(relay, "walrelay_feedback_too_old{horizon=\"xmin\"}"));
            RelayStatus.await("the event", relay, LIMIT, status -> status.events().stream().anyMatch(event ->
                    event.kind().equals("feedback-too-old") && event.text().startsWith("xmin of slot \"a\" is %d, ".formatted(query.xmin()))));
        }
        Await.until("the cap to be over", LIMIT, () -> RelayStatus.of(relay).feedback().xmin().capped(), capped -> !capped);
    }

    /**
     * <pre>
     *   primary ◀── s, no slot        primary ◀── s ◀── relay ◀── a, no slot [ query ]╳ stopped
     *      ▲── relay ◀── a [ query          ╰ its slot for the relay keeps nothing any more
     * </pre>
     */
    @Test
    void throughAStandbyItReachesThePrimaryToo() throws Exception {
        Programs programs = Programs.version(18);
        try (LocalPostgres primary = LocalPostgres.of(programs.server()).name("primary").set("autovacuum", "off").set("wal_sender_timeout", "6s").start();
                LocalPostgres s = LocalPostgres.standbyOf(primary, primary.conninfo() + " application_name=s")
                        .name("s")
                        .set("hot_standby_feedback", "on")
                        .set("wal_receiver_status_interval", "1s")
                        .start();
                RelayProcess relay = RelayProcess.of(
                                "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(primary.port(), s.port()), "relay", directory.resolve("data"))
                        .start()) {
            relay.awaitReady(LIMIT);
            try (LocalPostgres a = standby(primary, relay, "a").start()) {
                try (LongQuery query = new LongQuery(a)) {
                    burn(primary, 50);
                    awaitKept(primary, relay, query.xmin());
                    RelayStatus.follow(relay, "127.0.0.1:%d".formatted(s.port()));
                    awaitKept(s, relay, query.xmin());
                    Await.<@Nullable String>until(
                            "the primary to keep it for s",
                            LIMIT,
                            () -> primary.queryOrNull("SELECT backend_xmin::text FROM pg_stat_replication WHERE application_name = 's'"),
                            Long.toString(query.xmin())::equals);
                    // The slot there is seen to when hosts are looked at and there is WAL past its position.
                    primary.execute("CREATE TABLE t (i int)");
                    Await.<@Nullable String>until("the slot that is not in use to keep nothing", LIMIT, () -> slotXmin(primary), Objects::isNull);
                }
                a.stop(LocalPostgres.StopMode.FAST);
                Await.<@Nullable String>until("the relay's slot to keep nothing", LIMIT, () -> slotXmin(s), Objects::isNull);
            }
        }
    }
}
