package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code kill -9} of the relay at random moments under load. After each one, before the relay is back: what upstream was told is
 * flushed lies in the relay's files, byte for byte. In the end: no gap, no byte different, all servers equal.
 *
 * <pre>
 *   primary (its pg_wal is the truth) ──▶ relay ╳╳╳ ──▶ a, b
 *   next    (promoted in between)     ──▶
 * </pre>
 *
 * <p>Each version goes through ten kills under load, half of them with large segments, and four more under synchronous commits. The
 * moments follow from a seed, which is printed; {@code -Dwalrelay.seed=N} repeats it.
 */
final class KillIT {

    private static final Logger log = LoggerFactory.getLogger(KillIT.class);

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize ONE_MEGABYTE = new SegmentSize(1 << 20);
    private static final int TRANSACTION_MANAGER = 1;
    private static final int OPERATION = 0x70;

    @TempDir
    private Path directory;

    private Random random = new Random(0);

    @BeforeEach
    void printTheSeed() {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        log.info("replay with -Dwalrelay.seed={}", seed);
        random = new Random(seed);
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void nothingAcknowledgedIsLostWithSegmentsOfSixteenMegabytes(int version) {
        try (LocalPostgres primary = primary(version, SegmentSize.DEFAULT);
                RelayProcess relay = start(RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")), primary);
                LocalPostgres a = LocalPostgres.standbyOf(primary, relay.conninfo("a")).name("a").start();
                LocalPostgres b = LocalPostgres.standbyOf(primary, relay.conninfo("b")).name("b").start();
                Ledger ledger = Ledger.on(primary, 2_000);
                Acknowledged acknowledged = new Acknowledged(primary)) {
            WalFiles truth = pgWal(primary, SegmentSize.DEFAULT);
            for (int round = 0; round < 5; round++) {
                if (random.nextInt(3) == 0) {
                    primary.execute("SELECT pg_switch_wal()");
                }
                killAtRandom(relay, acknowledged, truth);
                relay.start();
            }
            ledger.stop();
            assertEqual(relay, SegmentSize.DEFAULT, primary, new WalFiles[] {truth}, a, b);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void nothingAcknowledgedIsLostWhenSegmentsRollOverAndATimelineEnds(int version) {
        try (LocalPostgres primary = primary(version, ONE_MEGABYTE);
                LocalPostgres next = LocalPostgres.standbyOf(primary, primary.conninfo()).name("next").start();
                RelayProcess relay = start(
                        RelayProcess.of(
                                "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(primary.port(), next.port()), "relay", directory.resolve("data")),
                        primary);
                LocalPostgres a = LocalPostgres.standbyOf(primary, relay.conninfo("a")).name("a").start();
                LocalPostgres b = LocalPostgres.standbyOf(primary, relay.conninfo("b")).name("b").start()) {
            WalFiles[] truths = {pgWal(next, ONE_MEGABYTE), pgWal(primary, ONE_MEGABYTE)};
            try (Ledger ledger = Ledger.on(primary, 20_000);
                    Acknowledged acknowledged = new Acknowledged(primary)) {
                for (int round = 0; round < 3; round++) {
                    killAtRandom(relay, acknowledged, truths[1]);
                    relay.start();
                }
                ledger.stop();
            }
            next.awaitReplay(primary.flushedLsn(), LIMIT);
            primary.kill();
            next.promote();
            try (Ledger ledger = Ledger.on(next, 20_000);
                    Acknowledged acknowledged = new Acknowledged(next)) {
                // The first of these come while the relay changes to the new timeline.
                for (int round = 0; round < 2; round++) {
                    pause(random.nextInt(600));
                    killAndCompare(relay, acknowledged, truths);
                    relay.start();
                }
                acknowledged.awaitAfter(acknowledged.last(), LIMIT);
                ledger.stop();
            }
            assertEqual(relay, ONE_MEGABYTE, next, truths, a, b);
            assertEquals("2", a.query("SELECT received_tli FROM pg_stat_wal_receiver"), "the timeline that standby a follows");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void everyCommitThatWaitedForTheRelayIsOnItsDisk(int version) throws IOException {
        try (LocalPostgres primary = primary(version, ONE_MEGABYTE);
                RelayProcess relay = start(RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")), primary);
                Acknowledged acknowledged = new Acknowledged(primary)) {
            primary.execute("CREATE TABLE ledger (id bigint PRIMARY KEY, noise text NOT NULL)");
            primary.set("synchronous_standby_names", "relay");
            primary.reload();
            Await.until(
                    "the relay to be synchronous",
                    LIMIT,
                    () -> primary.queryOrNull("SELECT sync_state FROM pg_stat_replication WHERE application_name = 'relay'"),
                    "sync"::equals);
            Lsn begin = primary.flushedLsn();
            WalIdentity identity = new WalIdentity(
                    new SystemId(Long.parseUnsignedLong(primary.query("SELECT system_identifier FROM pg_control_system()"))),
                    ONE_MEGABYTE,
                    TimelineHistory.root(new TimelineId(1)));
            try (Ledger ledger = Ledger.on(primary, 3_000)) {
                for (int round = 0; round < 4; round++) {
                    long before = ledger.confirmed();
                    Await.until("commits to go on", LIMIT, ledger::confirmed, seen -> seen > before + 3);
                    pause(random.nextInt(500));
                    relay.kill();
                    // Read after the kill: what was confirmed by then was confirmed by what is on disk.
                    long confirmed = ledger.confirmed();
                    WalFiles held = wal(relay, ONE_MEGABYTE);
                    held.assertEqualUpTo(acknowledged.last(), pgWal(primary, ONE_MEGABYTE));
                    long commits = commits(held, identity, begin);
                    assertTrue(commits >= confirmed, "%d commits on the relay's disk; %d were confirmed".formatted(commits, confirmed));
                    relay.start();
                }
                // A commit under way waits for the relay: it must come for the ledger to end.
                ledger.stop();
            }
            Await.until("the relay to have it all", LIMIT, acknowledged::last, seen -> seen.isAtLeast(primary.flushedLsn()));
        }
    }

    /** Commits after {@code begin} that a recovery would find. Autovacuum is off: the ledger's are the only ones. */
    private static long commits(WalFiles held, WalIdentity identity, Lsn begin) throws IOException {
        WalReader reader = WalReader.open(held.source(new TimelineId(1)), identity, held.begin());
        long commits = 0;
        while (reader.next()) {
            if (reader.recordStart().isAtLeast(begin)
                    && reader.header().resourceManager() == TRANSACTION_MANAGER
                    && (reader.header().info() & OPERATION) == 0) {
                commits++;
            }
        }
        return commits;
    }

    private static LocalPostgres primary(int version, SegmentSize size) {
        return LocalPostgres.of(Servers.version(version))
                .name("primary")
                .segmentSize(size)
                .set("wal_keep_size", "2GB")
                .set("max_wal_size", "2GB")
                .set("autovacuum", "off")
                .start();
    }

    private static RelayProcess start(RelayProcess relay, LocalPostgres primary) {
        return Acknowledged.awaitStreaming(relay.start(), primary);
    }

    private void killAtRandom(RelayProcess relay, Acknowledged acknowledged, WalFiles... truths) {
        // Without progress since the last kill there would be nothing to lose.
        acknowledged.awaitAfter(acknowledged.last(), LIMIT);
        pause(random.nextInt(500));
        killAndCompare(relay, acknowledged, truths);
    }

    private static void killAndCompare(RelayProcess relay, Acknowledged acknowledged, WalFiles... truths) {
        relay.kill();
        Lsn told = acknowledged.last();
        try {
            wal(relay, truths[0].size()).assertEqualUpTo(told, truths);
        } catch (AssertionError e) {
            throw new AssertionError("%s; it holds %s; its log:%n%s".formatted(e.getMessage(), wal(relay, truths[0].size()).segments().values(), relay.log()), e);
        }
    }

    private static void assertEqual(RelayProcess relay, SegmentSize size, LocalPostgres source, WalFiles[] truths, LocalPostgres... standbys) {
        Lsn end = source.flushedLsn();
        String expected = Ledger.fingerprint(source);
        for (LocalPostgres standby : standbys) {
            standby.awaitReplay(end, LIMIT);
            assertEquals(expected, Ledger.fingerprint(standby), standby.name());
        }
        long compared = wal(relay, size).assertEqualUpTo(end, truths);
        assertTrue(compared > size.bytes() / 2, "only %d bytes were compared".formatted(compared));
    }

    private static WalFiles pgWal(LocalPostgres server, SegmentSize size) {
        return new WalFiles(server.dataDirectory().resolve("pg_wal"), size);
    }

    private static WalFiles wal(RelayProcess relay, SegmentSize size) {
        return new WalFiles(relay.data().resolve("wal"), size);
    }

    /** The moment of a kill is the one thing here that is not waited for. */
    private static void pause(int milliseconds) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(milliseconds));
    }
}
