package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** The relay's end when it is asked to, and what it says to a directory that it can't or must not use. */
@ParameterizedClass
@ValueSource(ints = {15, 18})
final class StopIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    /** A JVM that ran its shutdown hooks after SIGTERM. */
    private static final int TERMINATED = 143;

    private final Programs programs;

    @TempDir
    private Path directory;

    StopIT(int version) {
        programs = Programs.version(version);
    }

    @Test
    void tellsUpstreamAndStandbysEverythingBeforeItEnds() {
        try (LocalPostgres primary = primary();
                RelayProcess relay = relay(primary);
                LocalPostgres a = LocalPostgres.standbyOf(primary, relay.conninfo("a")).name("a").start()) {
            Lsn before;
            try (Ledger ledger = Ledger.on(primary, 2_000)) {
                Await.until("some load", LIMIT, ledger::confirmed, seen -> seen > 100);
                before = primary.flushedLsn();
                assertEquals(TERMINATED, relay.terminate(LIMIT), relay::log);
                ledger.stop();
            }
            Lsn told = Lsn.parse(primary.query("SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = 'relay'"));
            assertTrue(told.isAtLeast(before), () -> "upstream was told %s; expected at least %s".formatted(told, before));
            // All that the relay has went to the standby as well, while nobody is there to send more.
            a.awaitReplay(told, LIMIT);

            relay.start();
            a.awaitReplay(primary.flushedLsn(), LIMIT);
            assertEquals(Ledger.fingerprint(primary), Ledger.fingerprint(a));
        }
    }

    @Test
    void aStandbyThatHangsDelaysTheEndNoLongerThanTheTimeout() throws IOException {
        Path received = Files.createDirectory(directory.resolve("received"));
        try (LocalPostgres primary = primary();
                RelayProcess relay = relay(primary);
                FaultProxy line = FaultProxy.to(relay.port());
                ExternalProcess receiver =
                        programs.start("pg_receivewal", "--directory=" + received, "--dbname=host=127.0.0.1 port=%d user=postgres".formatted(line.port()))) {
            Await.until("pg_receivewal to receive", LIMIT, () -> line.carried(FaultProxy.Direction.TO_CLIENT) > 10_000 && receiver.isRunning());
            line.goSilent();
            primary.execute("SELECT pg_logical_emit_message(false, 'walrelay', 'what the standby will not confirm')");
            long begin = System.nanoTime();
            assertEquals(TERMINATED, relay.terminate(LIMIT), relay::log);
            Duration took = Duration.ofNanos(System.nanoTime() - begin);
            assertTrue(took.compareTo(Duration.ofSeconds(12)) < 0, () -> "it took %s with a timeout of 2 s".formatted(took));
        }
    }

    @Test
    void refusesADirectoryThatIsInUseOrDamagedAndLeavesItAsItIs() throws IOException {
        try (LocalPostgres primary = primary();
                RelayProcess relay = relay(primary)) {
            programs.run(LIMIT, "pg_receivewal", "--create-slot", "--slot=kept", "--dbname=" + relay.conninfo()).orFail();
            String pid = Long.toString(relay.pid());
            assertRefuses(primary, relay.data(), pid);
            assertTrue(relay.isRunning(), relay::log);
            relay.kill();
            assertTrue(Files.exists(relay.data().resolve("slots")), "the slot is on disk");

            // Neither is WAL: they stay and nobody minds.
            Files.writeString(relay.data().resolve("wal/README"), "not WAL");
            Files.createDirectory(relay.data().resolve("wal/lost+found"));
            for (String name : new String[] {"state", "slots"}) {
                Path file = relay.data().resolve(name);
                byte[] good = Files.readAllBytes(file);
                byte[] bad = good.clone();
                bad[bad.length / 2] ^= 0x10;
                Files.write(file, bad);
                Map<String, Integer> before = contents(relay.data());
                assertRefuses(primary, relay.data(), name);
                assertEquals(before, contents(relay.data()), "files after a start that was refused because of " + name);
                Files.write(file, good);
            }
            relay.start();
            Lsn end = primary.flushedLsn();
            Await.until("the relay to go on", LIMIT, () -> Lsn.parse(primary.query("SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = 'relay'")), seen -> seen.isAtLeast(end));
            assertTrue(Files.exists(relay.data().resolve("wal/README")), "the foreign file");
            Await.until(
                    "the relay to show the slot",
                    LIMIT,
                    () -> programs.run(LIMIT, "psql", "-XAt", "--dbname=" + relay.conninfo() + " replication=1", "--command=READ_REPLICATION_SLOT kept").output(),
                    seen -> seen.startsWith("physical|"));
        }
    }

    private static void assertRefuses(LocalPostgres primary, Path data, String says) {
        try (RelayProcess refused = RelayProcess.of(primary.conninfo(), "relay", data)) {
            refused.launch();
            assertEquals(1, refused.awaitExit(LIMIT), refused::log);
            assertTrue(refused.log().contains(says), () -> "expected \"%s\" in: %s".formatted(says, refused.log()));
        }
    }

    /** All files with a hash of their bytes; not the lock's, which the next process takes. */
    private static Map<String, Integer> contents(Path data) throws IOException {
        Map<String, Integer> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(data)) {
            for (Path file : files.filter(f -> Files.isRegularFile(f) && !f.endsWith("relay.lock")).toList()) {
                contents.put(data.relativize(file).toString(), Arrays.hashCode(Files.readAllBytes(file)));
            }
        }
        return contents;
    }

    private LocalPostgres primary() {
        return LocalPostgres.of(programs.server()).name("primary").segmentSize(new SegmentSize(1 << 20)).start();
    }

    private RelayProcess relay(LocalPostgres primary) {
        RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).with("WALRELAY_STANDBYS_STOP_TIMEOUT", "2s");
        return Acknowledged.awaitStreaming(relay.start(), primary);
    }
}
