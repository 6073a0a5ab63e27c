package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** A relay that runs out of room, by its own limit and by that of the file system. */
@Timeout(90)
@ParameterizedClass
@ValueSource(ints = {15, 18})
class DiskLimitIT {

    private static final long LIMIT = 64 << 20;

    private final int version;

    @TempDir
    private Path directory;

    DiskLimitIT(int version) {
        this.version = version;
    }

    private LocalPostgres primary() {
        LocalPostgres primary = LocalPostgres.of(Servers.version(version)).segmentSize(new SegmentSize(1 << 20)).start();
        primary.execute("CREATE TABLE t (i int, filler text)", "ALTER TABLE t ALTER filler SET STORAGE plain");
        return primary;
    }

    private RelayProcess relay(LocalPostgres primary) {
        return RelayProcess.of(TestLink.of(primary), "relay_1", directory.resolve("data"))
                .with("WALRELAY_CACHE_DISK", LIMIT + "B")
                .with("WALRELAY_CACHE_KEEP", "1s");
    }

    /** Some 10 MB of WAL. */
    private static Lsn write(LocalPostgres primary, int times) {
        for (int i = 0; i < times; i++) {
            primary.execute("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 9000) i");
        }
        return primary.flushedLsn();
    }

    private static Lsn flushed(LocalPostgres primary) {
        return Lsn.parse(primary.query("SELECT coalesce(max(flush_lsn), '0/0') FROM pg_stat_replication WHERE application_name = 'relay_1'"));
    }

    private static void awaitFlushed(LocalPostgres primary, Lsn target) {
        Await.until("the relay to flush " + target, TestLink.SOON, () -> flushed(primary), lsn -> lsn.isAtLeast(target));
    }

    private String command(RelayProcess relay, String command) {
        return Programs.version(version).run(TestLink.SOON, "psql", "-d", relay.conninfo() + " replication=true", "-At", "-c", command).orFail();
    }

    private static void awaitLog(RelayProcess relay, String part) {
        Await.until("the relay to log: " + part, TestLink.SOON, () -> relay.log().contains(part));
    }

    private long used() throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("data").resolve("wal"))) {
            return files.filter(f -> f.getFileName().toString().matches("[0-9A-F]{24}(\\.partial)?")).count() << 20;
        }
    }

    @Test
    void givesUpTheSlotThatHoldsTheMostAndNeverHoldsUpstream() throws IOException {
        try (LocalPostgres primary = primary();
                RelayProcess relay = relay(primary).with("WALRELAY_SLOTS_MAX_RETAINED", LIMIT - 1 + "B").start()) {
            awaitFlushed(primary, primary.flushedLsn());
            command(relay, "CREATE_REPLICATION_SLOT asleep PHYSICAL RESERVE_WAL");

            awaitFlushed(primary, write(primary, 8));

            awaitLog(relay, "slot \"asleep\" lost its WAL");
            Await.until("the disk to be within its limit", TestLink.SOON, this::used, bytes -> bytes <= LIMIT);
            assertFalse(relay.log().contains("upstream is not read"), relay::log);
            awaitFlushed(primary, write(primary, 1));
        }
    }

    @Test
    void holdsUpstreamUntilTheSlotIsDropped() throws IOException {
        try (LocalPostgres primary = primary();
                RelayProcess relay = relay(primary).with("WALRELAY_CACHE_ON_FULL", "hold-upstream").start()) {
            awaitFlushed(primary, primary.flushedLsn());
            command(relay, "CREATE_REPLICATION_SLOT asleep PHYSICAL RESERVE_WAL");

            write(primary, 8);
            awaitLog(relay, "upstream is not read until there is room");
            Lsn end = write(primary, 4);
            assertTrue(flushed(primary).isBefore(end), "held");
            assertFalse(relay.log().contains("lost its WAL"), relay::log);

            command(relay, "DROP_REPLICATION_SLOT asleep");
            awaitFlushed(primary, end);
            awaitLog(relay, "there is room on the relay's disk again");
        }
    }

    /** The data directory is a file system of 24 MB that only the relay's own mount name space has. */
    @Test
    void goesOnWhenAFullFileSystemHasRoomAgain() throws Exception {
        Path data = Files.createDirectory(directory.resolve("data"));
        try (LocalPostgres primary = primary();
                RelayProcess relay = relay(primary)
                        .under("unshare", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs -o size=24m tmpfs \"$0\" && exec \"$@\"", data.toString())
                        .start()) {
            awaitFlushed(primary, primary.flushedLsn());
            Path ballast = Path.of("/proc/%d/root".formatted(relay.pid())).resolve(Path.of("/").relativize(data)).resolve("ballast");
            // dd ends with an error when nothing more fits, which is what is wanted.
            new ProcessBuilder("dd", "if=/dev/zero", "of=" + ballast, "bs=4k").redirectErrorStream(true).start().waitFor(20, TimeUnit.SECONDS);

            Lsn end = write(primary, 2);
            awaitLog(relay, "until there is room");
            assertTrue(flushed(primary).isBefore(end), "held");
            assertTrue(relay.isRunning(), relay::log);

            Files.delete(ballast);
            awaitFlushed(primary, end);
            awaitFlushed(primary, write(primary, 3));
            awaitLog(relay, "there is room");
        }
    }

    /**
     * <pre>
     *   timeline 1  ────────●  the relay's disk is full here
     *                       └──── timeline 2, whose first segment needs room
     * </pre>
     */
    @Test
    void followsAPromotionWhenAFullFileSystemHasRoomAgain() throws Exception {
        Path data = Files.createDirectory(directory.resolve("data"));
        try (LocalPostgres primary = primary();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo()).copyWal().start();
                RelayProcess relay = relay(standby)
                        .under("unshare", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs -o size=24m tmpfs \"$0\" && exec \"$@\"", data.toString())
                        .start()) {
            Lsn before = primary.flushedLsn();
            standby.awaitReplay(before, TestLink.SOON);
            awaitFlushed(standby, before);
            Path ballast = Path.of("/proc/%d/root".formatted(relay.pid())).resolve(Path.of("/").relativize(data)).resolve("ballast");
            new ProcessBuilder("dd", "if=/dev/zero", "of=" + ballast, "bs=4k").redirectErrorStream(true).start().waitFor(20, TimeUnit.SECONDS);

            primary.stop(LocalPostgres.StopMode.FAST);
            standby.promote();
            awaitLog(relay, "until there is room");
            assertTrue(relay.isRunning(), relay::log);
            assertFalse(relay.log().contains("goes on with timeline 2"), relay::log);

            Files.delete(ballast);
            awaitLog(relay, "goes on with timeline 2");
            awaitFlushed(standby, write(standby, 1));
            assertTrue(relay.isRunning(), relay::log);
        }
    }
}
