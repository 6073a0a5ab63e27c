package io.walrelay.proxy.scenario;

import static io.walrelay.proxy.scenario.ArchiveIT.metric;
import static io.walrelay.proxy.scenario.ArchiveIT.position;
import static io.walrelay.proxy.scenario.ArchiveIT.write;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.WalrelayCommand;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Standbys that are held back, on a relay that frees at once what nobody needs. */
@Timeout(180)
final class ShapingIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final Programs PROGRAMS = Programs.version(15);
    private static final int DELAY_SECONDS = 5;
    private static final long RATE = 512 << 10;

    @TempDir
    private Path directory;

    private static String standby(RelayProcess relay, String... arguments) {
        List<String> line = new ArrayList<>(List.of("standby"));
        line.addAll(Arrays.asList(arguments));
        line.addAll(List.of("--url", relay.url()));
        return WalrelayCommand.run(LIMIT, Map.of(), line.toArray(String[]::new)).orFail();
    }

    private static LocalPostgres standbyOf(LocalPostgres primary, RelayProcess relay, String name) {
        new Psql(PROGRAMS).replication(relay.conninfo(), "CREATE_REPLICATION_SLOT %s PHYSICAL RESERVE_WAL".formatted(name)).orFail();
        return LocalPostgres.standbyOf(primary, relay.conninfo(name)).name(name).slot(name).copyWal().start();
    }

    private static void awaitHeld(RelayProcess relay, String name, String why) {
        RelayStatus.await("standby \"%s\" to be %s".formatted(name, why), relay, LIMIT, status ->
                status.standbys().stream().anyMatch(s -> s.name().equals(name) && s.held().filter(held -> held.why().equals(why)).isPresent()));
    }

    private static Lsn restart(RelayProcess relay, String slot) throws IOException, InterruptedException {
        return RelayStatus.of(relay).slots().stream().filter(s -> s.name().equals(slot)).findFirst().flatMap(StatusReport.Slot::restartLsn).map(Lsn::parse).orElseThrow();
    }

    /** Ends a segment; returns the name of the one that has what was written last. */
    private static String switchWal(LocalPostgres primary) {
        Lsn before = primary.flushedLsn();
        primary.execute("SELECT pg_switch_wal()", "INSERT INTO marks VALUES ('after a switch')");
        return new WalFileName.Segment(SegmentId.at(new TimelineId(1), before, SEGMENT)).fileName(SEGMENT);
    }

    private static HttpResponse<String> fetch(RelayProcess relay, String file, String parameters) throws IOException, InterruptedException {
        return relay.get("/wal/%s?%s".formatted(file, parameters));
    }

    private static String marks(LocalPostgres server, String mark) {
        return server.query("SELECT count(*) FROM marks WHERE mark = '%s'".formatted(mark));
    }

    /**
     * <pre>
     *   primary ══▶ relay ══▶ late, 5 s behind
     *                 ╚══════▶ hour, an hour behind: a, b and what follows come only when they are released
     *                          ├ release to a ─▶ a, not b
     *                          ├ pause, kill -9 of the relay ─▶ still paused
     *                          └ release, while paused ─▶ b;  resume ─▶ an hour behind again
     * </pre>
     */
    @Test
    void aDelayedStandbyReplaysNothingYoungerAndGoesOnWhenReleased() throws Exception {
        try (LocalPostgres primary = LocalPostgres.of(PROGRAMS.server()).segmentSize(SEGMENT).name("primary").start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data"))
                        .with("WALRELAY_CACHE_KEEP", "0s")
                        .with("WALRELAY_STANDBYS_NAMED", "late delay=%ds; hour delay=1h; narrow rate=512kB/s".formatted(DELAY_SECONDS))
                        .start()) {
            relay.awaitReady(LIMIT);
            primary.execute("CREATE TABLE marks (mark text)");
            try (LocalPostgres late = standbyOf(primary, relay, "late");
                    LocalPostgres hour = standbyOf(primary, relay, "hour")) {
                ofHttp(primary, relay);
                neverYounger(primary, late);
                slotsKeep(primary, relay);
                released(primary, relay, hour);
                narrow(primary, relay);
            }
            String status = WalrelayCommand.run(LIMIT, Map.of(), "status", "--url", relay.url()).orFail();
            assertTrue(status.contains("late       5.0s"), status);
        }
    }

    private static void ofHttp(LocalPostgres primary, RelayProcess relay) throws Exception {
        primary.execute("INSERT INTO marks VALUES ('fetched')");
        String segment = switchWal(primary);
        Await.until("the relay to have segment " + segment, LIMIT, () -> fetch(relay, segment, "").statusCode(), code -> code == 200);
        HttpResponse<String> held = fetch(relay, segment, "standby=hour");
        assertEquals(404, held.statusCode());
        assertEquals(Optional.of(segment), held.headers().firstValue("x-walrelay-absent"));
        assertTrue(held.body().contains("standby \\\"hour\\\" is delayed until 20"), held::body);
        assertEquals(404, fetch(relay, segment + ".partial", "standby=hour").statusCode());
        assertEquals(404, fetch(relay, segment, "standby=hour&wait=1s").statusCode());
        Await.until("it to be old enough", LIMIT, () -> fetch(relay, segment, "standby=late&wait=5s").statusCode(), code -> code == 200);
    }

    /** All clocks are this machine's. */
    private static void neverYounger(LocalPostgres primary, LocalPostgres late) {
        primary.execute("INSERT INTO marks VALUES ('early')");
        try (Ledger ledger = Ledger.on(primary, 20_000)) {
            // What the copy brought with it may have been younger.
            Await.until("the first transaction that came through the relay", LIMIT, () -> marks(late, "early"), "1"::equals);
            long until = ledger.confirmed();
            Await.until("the ledger on the standby to reach %d".formatted(until), LIMIT, () -> {
                String age = "SELECT extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())";
                double seconds = Double.parseDouble(late.query(age));
                assertTrue(seconds >= DELAY_SECONDS, () -> "a transaction was replayed after %f s".formatted(seconds));
                return Ledger.rows(late);
            }, rows -> rows >= until);
            ledger.stop();
        }
    }

    private static void slotsKeep(LocalPostgres primary, RelayProcess relay) throws Exception {
        Lsn before = primary.flushedLsn();
        write(primary, 3);
        Lsn end = primary.flushedLsn();
        Await.until("the relay to have " + end, LIMIT, () -> position(relay, "written"), written -> written.isAtLeast(end));
        awaitHeld(relay, "hour", "delayed");
        Lsn kept = restart(relay, "hour");
        assertTrue(kept.isBefore(before), () -> "%s, %s".formatted(kept, before));
        assertTrue(position(relay, "oldest").isAtMost(kept), relay::metrics);
        assertEquals(3_600, metric(relay, "walrelay_standby_delay_seconds{standby=\"hour\"}"));
    }

    private static void released(LocalPostgres primary, RelayProcess relay, LocalPostgres hour) throws Exception {
        primary.execute("INSERT INTO marks VALUES ('a')");
        Lsn a = primary.flushedLsn();
        primary.execute("INSERT INTO marks VALUES ('b')");
        Await.until("the relay to have both", LIMIT, () -> position(relay, "written"), written -> written.isAtLeast(primary.flushedLsn()));
        assertEquals("0", marks(hour, "a"));

        String said = standby(relay, "release", "hour", a.toString());
        assertTrue(said.contains("standby \"hour\" may have WAL up to "), said);
        Await.until("a to be replayed", LIMIT, () -> marks(hour, "a"), "1"::equals);
        assertEquals("0", marks(hour, "b"));
        awaitHeld(relay, "hour", "delayed");

        standby(relay, "pause", "hour");
        awaitHeld(relay, "hour", "paused");
        relay.kill();
        relay.start();
        awaitHeld(relay, "hour", "paused");
        assertEquals(1, metric(relay, "walrelay_standby_paused{standby=\"hour\"}"));
        assertEquals("0", marks(hour, "b"));
        assertTrue(standby(relay, "release", "hour").contains("still paused past that"));
        Await.until("b to be replayed", LIMIT, () -> marks(hour, "b"), "1"::equals);
        standby(relay, "resume", "hour");
        primary.execute("INSERT INTO marks VALUES ('c')");
        awaitHeld(relay, "hour", "delayed");
        assertEquals("0", marks(hour, "c"));
    }

    /** As fast as it may be, a burst of a second's first: a slow machine only takes longer. */
    private static void narrow(LocalPostgres primary, RelayProcess relay) throws Exception {
        write(primary, 1);
        String segment = switchWal(primary);
        Await.until("the relay to have segment " + segment, LIMIT, () -> fetch(relay, segment, "").statusCode(), code -> code == 200);
        long began = System.nanoTime();
        assertEquals(200, fetch(relay, segment, "standby=narrow").statusCode());
        assertEquals(200, fetch(relay, segment, "standby=narrow").statusCode());
        double seconds = (System.nanoTime() - began) / (double) TimeUnit.SECONDS.toNanos(1);
        double most = RATE + RATE / 2.0 + seconds * RATE;
        assertTrue(2 * SEGMENT.bytes() <= most, () -> "2 MB in %f s".formatted(seconds));
    }
}
